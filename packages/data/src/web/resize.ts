// Clips at another size, by the reference's resampler: what Node does by default.
import type { Clip, ClipTransform } from "@noisereel/core";
import { centerRectangle, cropClip, type Rectangle, type Size, toSize } from "../transforms/crop.js";
import { resampleClip } from "../transforms/resample-bytes.js";

/**
 * Crops the largest centred rectangle with the aspect of `size` and scales it. A number stands for a square, so the
 * centre square along the short edge. Pixels are rounded to bytes.
 */
export function centerCropResize(size: number | Size): ClipTransform {
  const target = toSize(size);
  return (clip) => cropAndResize(clip, centerRectangle(clip, target), target);
}

/** Scales a clip to `size`; the aspect changes with it. */
export async function resizeClip(clip: Clip, size: number | Size): Promise<Clip> {
  const { height, width } = clip;
  return cropAndResize(clip, { top: 0, left: 0, height, width }, toSize(size));
}

function cropAndResize(clip: Clip, rectangle: Rectangle, to: Size): Clip {
  const same = rectangle.height === to.height && rectangle.width === to.width;
  return same ? cropClip(clip, rectangle) : resampleClip(clip, rectangle, to);
}
