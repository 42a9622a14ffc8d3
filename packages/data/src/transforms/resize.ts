// Clips at another size.
import type { Clip, ClipTransform } from "@noisereel/core";
import sharp from "sharp";
import { framePixels, withPixels } from "../clip.js";
import { centerRectangle, cropClip, type Rectangle, type Size, toSize } from "./crop.js";
import { resampleClip } from "./resample-bytes.js";

export interface ResizeOptions {
  /** `reference` (default): aligned corners with antialiasing, at parity. `sharp`: libvips' Lanczos, which is sharper. */
  readonly resizer?: "reference" | "sharp" | undefined;
}

/**
 * Crops the largest centred rectangle with the aspect of `size` and scales it. A number stands for a square, so the
 * centre square along the short edge. Pixels are rounded to bytes.
 */
export function centerCropResize(size: number | Size, options: ResizeOptions = {}): ClipTransform {
  const target = toSize(size);
  return (clip) => cropAndResize(clip, centerRectangle(clip, target), target, options);
}

/** Scales a clip to `size`; the aspect changes with it. */
export async function resizeClip(clip: Clip, size: number | Size, options: ResizeOptions = {}): Promise<Clip> {
  const { height, width } = clip;
  return cropAndResize(clip, { top: 0, left: 0, height, width }, toSize(size), options);
}

async function cropAndResize(clip: Clip, rectangle: Rectangle, to: Size, options: ResizeOptions): Promise<Clip> {
  if (rectangle.height === to.height && rectangle.width === to.width) return cropClip(clip, rectangle);
  return options.resizer === "sharp"
    ? resizeWithSharp(cropClip(clip, rectangle), to)
    : resampleClip(clip, rectangle, to);
}

async function resizeWithSharp(clip: Clip, to: Size): Promise<Clip> {
  const raw = { width: clip.width, height: clip.height, channels: 3 } as const;
  const frameBytes = to.height * to.width * 3;
  const pixels = new Uint8Array(clip.frames * frameBytes);
  for (let frame = 0; frame < clip.frames; frame++) {
    const image = sharp(framePixels(clip, frame), { raw }).resize(to.width, to.height, { fit: "fill" });
    pixels.set(await image.raw().toBuffer(), frame * frameBytes);
  }
  return withPixels(clip, pixels, to);
}
