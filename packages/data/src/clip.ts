// Clips as values: making, checking, choosing frames. Pixels are RGB bytes, [T, H, W, 3].
import { type Clip, ShapeError } from "@noisereel/core";

/** What a clip says beside its pixels. */
export interface ClipFields {
  readonly id: string;
  /** Rows of pixels. */
  readonly height: number;
  /** Columns of pixels. */
  readonly width: number;
  /** Frames a second; an image has 1. */
  readonly fps: number;
  readonly caption?: string | undefined;
}

/** A clip of `pixels`, `[T, H, W, 3]`; the number of frames follows from their length. */
export function createClip(pixels: Uint8Array, fields: ClipFields): Clip {
  const { id, height, width, fps, caption } = fields;
  for (const [name, value] of Object.entries({ height, width })) {
    if (!Number.isInteger(value) || value < 1) throw new ShapeError(`${name} is ${value}; use a positive integer`);
  }
  if (!(fps > 0 && Number.isFinite(fps))) throw new ShapeError(`fps is ${fps}; use a positive number`);
  const frames = pixels.length / (height * width * 3);
  if (!Number.isInteger(frames) || frames < 1) {
    throw new ShapeError(
      `pixels has ${pixels.length} bytes, which is not a whole number of ${width}x${height} RGB frames (${height * width * 3} bytes each)`,
    );
  }
  return { id, pixels, frames, height, width, fps, ...(caption === undefined ? {} : { caption }) };
}

/** The bytes of one frame, `[H, W, 3]`; they share the clip's memory. */
export function framePixels(clip: Clip, index: number): Uint8Array {
  if (!Number.isInteger(index) || index < 0 || index >= clip.frames) {
    throw new ShapeError(`frame ${index} of clip ${clip.id} does not exist; it has ${clip.frames} frames, from 0`);
  }
  const size = clip.height * clip.width * 3;
  return clip.pixels.subarray(index * size, (index + 1) * size);
}

/** A new clip of the frames at `indices`, in that order; an index may repeat. */
export function selectFrames(clip: Clip, indices: readonly number[], options: { readonly fps?: number } = {}): Clip {
  if (indices.length === 0) throw new ShapeError(`indices is empty; choose at least one frame of clip ${clip.id}`);
  const size = clip.height * clip.width * 3;
  const pixels = new Uint8Array(indices.length * size);
  indices.forEach((index, position) => pixels.set(framePixels(clip, index), position * size));
  return { ...clip, pixels, frames: indices.length, fps: options.fps ?? clip.fps };
}

/** The clip with other pixels of another size but the same frames. */
export function withPixels(clip: Clip, pixels: Uint8Array, size: { height: number; width: number }): Clip {
  return createClip(pixels, { ...clip, ...size });
}
