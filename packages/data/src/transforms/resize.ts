// Clips at another size.
import type { Clip, ClipTransform } from "@noisereel/core";
import sharp from "sharp";
import { framePixels, withPixels } from "../clip.js";
import { centerRectangle, cropClip, type Size, toSize } from "./crop.js";
import { createResampler } from "./resample.js";

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
  const to = toSize(size);
  if (clip.height === to.height && clip.width === to.width) return clip;
  const scale = options.resizer === "sharp" ? sharpScaler(clip, to) : referenceScaler(clip, to);
  const frameBytes = to.height * to.width * 3;
  const pixels = new Uint8ClampedArray(clip.frames * frameBytes); // clamps and rounds
  for (let frame = 0; frame < clip.frames; frame++) {
    pixels.set(await scale(framePixels(clip, frame)), frame * frameBytes);
  }
  return withPixels(clip, new Uint8Array(pixels.buffer), to);
}

type Scaler = (frame: Uint8Array) => ArrayLike<number> | Promise<ArrayLike<number>>;

const referenceScaler = (from: Size, to: Size): Scaler => createResampler({ from, to });

function sharpScaler(from: Size, to: Size): Scaler {
  const raw = { width: from.width, height: from.height, channels: 3 } as const;
  return (frame) => sharp(frame, { raw }).resize(to.width, to.height, { fit: "fill" }).raw().toBuffer();
}
