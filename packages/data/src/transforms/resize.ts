// Clips at another size.
import type { Clip, ClipTransform } from "@noisereel/core";
import sharp from "sharp";
import { framePixels, withPixels } from "../clip.js";
import { centerRectangle, cropClip, type Size, toSize } from "./crop.js";
import { resample } from "./resample.js";

export interface ResizeOptions {
  /** `reference` (default): aligned corners with antialiasing, at parity. `sharp`: libvips' Lanczos, faster and sharper. */
  readonly resizer?: "reference" | "sharp" | undefined;
}

/**
 * Crops the largest centred rectangle with the aspect of `size` and scales it. A number stands for a square, so the
 * centre square along the short edge. Pixels are rounded to bytes.
 */
export function centerCropResize(size: number | Size, options: ResizeOptions = {}): ClipTransform {
  const target = toSize(size);
  return (clip) => resizeClip(cropClip(clip, centerRectangle(clip, target)), target, options);
}

/** Scales a clip to `size`; the aspect changes with it. */
export async function resizeClip(clip: Clip, size: number | Size, options: ResizeOptions = {}): Promise<Clip> {
  const target = toSize(size);
  if (clip.height === target.height && clip.width === target.width) return clip;
  const scale = options.resizer === "sharp" ? sharpFrame : referenceFrame;
  const frameBytes = target.height * target.width * 3;
  const pixels = new Uint8Array(clip.frames * frameBytes);
  for (let frame = 0; frame < clip.frames; frame++) {
    pixels.set(await scale(framePixels(clip, frame), clip, target), frame * frameBytes);
  }
  return withPixels(clip, pixels, target);
}

const referenceFrame = (frame: Uint8Array, from: Size, to: Size): Uint8Array =>
  Uint8Array.from(resample(frame, from, to), (value) => Math.min(255, Math.max(0, Math.round(value))));

async function sharpFrame(frame: Uint8Array, from: Size, to: Size): Promise<Uint8Array> {
  const raw = { width: from.width, height: from.height, channels: 3 } as const;
  return sharp(frame, { raw }).resize(to.width, to.height, { fit: "fill" }).raw().toBuffer();
}
