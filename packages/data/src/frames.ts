// Which frames of a clip a training step sees. Pure arithmetic on frame numbers.
import { type Clip, type ClipTransform, ClipError, ConfigError, type Rng } from "@noisereel/core";
import { selectFrames } from "./clip.js";
import { choosingTransform, type ClipLength, type FrameChoice } from "./transforms/choosing.js";

export interface CropRangeOptions {
  /** Frames that the clip has. */
  readonly total: number;
  /** Frames that are wanted. */
  readonly frames: number;
  /** Distance between wanted frames, in frames of the clip. Default 1. */
  readonly sampleRate?: number | undefined;
  /** The reference's range, which never reaches the last frame of a longer clip. Default false. */
  readonly compat?: boolean | undefined;
}

export interface CropRange {
  /** Frames of the clip that a crop spans. */
  readonly size: number;
  /** Largest first frame, inclusive; 0 when the clip is not longer than `size`. */
  readonly maxBegin: number;
}

/** Where a temporal crop may begin. */
export function cropRange(options: CropRangeOptions): CropRange {
  const { total, frames, sampleRate = 1, compat = false } = options;
  for (const [name, value] of Object.entries({ total, frames, sampleRate })) {
    if (!Number.isInteger(value) || value < 1) throw new ConfigError(`${name} is ${value}; use a positive integer`);
  }
  const size = frames * sampleRate;
  return { size, maxBegin: Math.max(0, total - size - (compat ? 1 : 0)) };
}

/**
 * The frame numbers of a crop that begins at `begin`: evenly spaced, cut to integers, the last one exactly the crop's
 * last frame. A clip shorter than the crop is stretched: frames repeat.
 */
export function frameIndices(options: Omit<CropRangeOptions, "compat"> & { readonly begin: number }): number[] {
  const { total, frames, begin } = options;
  const { size } = cropRange(options);
  if (!Number.isInteger(begin) || begin < 0 || begin >= total) {
    throw new ConfigError(`begin is ${begin}; use a frame number from 0 to ${total - 1}`);
  }
  return truncatedLinspace(begin, Math.min(begin + size, total) - 1, frames);
}

/** The frames of a clip that become still images of joint training: evenly spaced, first and last included. */
export function stillIndices(options: { readonly frames: number; readonly count: number }): number[] {
  const { frames, count } = options;
  if (!Number.isInteger(count) || count < 1 || count > frames) {
    throw new ConfigError(`count is ${count}; use 1 to ${frames}, the number of frames of the clip`);
  }
  return truncatedLinspace(0, frames - 1, count);
}

/** Frame numbers that show a clip of `fps` at `targetFps`: for each new time stamp the nearest old frame. */
export function resampledIndices(options: {
  readonly total: number;
  readonly fps: number;
  readonly targetFps: number;
}): number[] {
  const { total, fps, targetFps } = options;
  for (const [name, value] of Object.entries({ fps, targetFps })) {
    if (!(value > 0 && Number.isFinite(value))) throw new ConfigError(`${name} is ${value}; use a positive number`);
  }
  const count = Math.max(1, Math.round((total * targetFps) / fps));
  return Array.from({ length: count }, (_, i) => Math.min(total - 1, Math.round((i * fps) / targetFps)));
}

function truncatedLinspace(first: number, last: number, count: number): number[] {
  if (count === 1) return [first];
  const step = (last - first) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? last : Math.trunc(first + i * step)));
}

export interface TemporalCropOptions {
  /** Frames that come out. A causal autoencoder with time stride 4 needs 4k + 1. */
  readonly frames: number;
  /** Distance between frames, counted in frames. Default 1. */
  readonly sampleRate?: number | undefined;
  /** Resamples the clip to this many frames a second first. Default: frames are taken as they are, like the reference. */
  readonly targetFps?: number | undefined;
  /** Where the crop begins: drawn (default), or the clip's first or middle part. */
  readonly position?: "random" | "start" | "middle" | undefined;
  /** A clip with too few frames: `repeat` some of them (default, like the reference) or `throw` a `ClipError`. */
  readonly short?: "repeat" | "throw" | undefined;
  /** See `CropRangeOptions.compat`. */
  readonly compat?: boolean | undefined;
}

/**
 * Cuts a part of `frames` frames out of a clip. Draws one integer when `position` is `random`. Without `targetFps` it chooses
 * before anything is decoded: first in a loader's transform, it spares decoding the frames that are not taken.
 */
export function temporalCrop(options: TemporalCropOptions): ClipTransform {
  const { frames, sampleRate = 1, targetFps, position = "random", short = "repeat", compat = false } = options;
  cropRange({ total: 1, frames, sampleRate }); // a wrong option is an error now, not at the first clip
  const indicesOf = (id: string, total: number, rng: Rng): number[] => {
    const { size, maxBegin } = cropRange({ total, frames, sampleRate, compat });
    if (short === "throw" && total < size) {
      const at = targetFps === undefined ? "" : ` at ${targetFps} frames a second`;
      throw new ClipError(`clip ${id} has ${total} frames${at} but ${size} are needed`, { id });
    }
    const begin = position === "start" ? 0 : position === "middle" ? maxBegin >> 1 : rng.integer(maxBegin + 1);
    return frameIndices({ total, frames, sampleRate, begin });
  };
  if (targetFps !== undefined) {
    return (clip, rng) => {
      const available = resampledIndices({ total: clip.frames, fps: clip.fps, targetFps });
      const indices = indicesOf(clip.id, available.length, rng);
      const taken = indices.map((index) => available[index]!);
      return selectFrames(clip, taken, { fps: croppedFps(targetFps, indices) });
    };
  }
  const choose = (clip: ClipLength, rng: Rng): FrameChoice => {
    const indices = indicesOf(clip.id, clip.frames, rng);
    return { indices, rate: (fps) => croppedFps(fps, indices) };
  };
  return choosingTransform({ choose, rest: (clip) => clip }, (clip, rng) => {
    const { indices, rate } = choose(clip, rng);
    return selectFrames(clip, indices, { fps: rate(clip.fps) });
  });
}

/** Speed at which the chosen frames show the original motion. */
function croppedFps(fps: number, indices: readonly number[]): number {
  const span = indices.at(-1)! - indices[0]!;
  return span === 0 ? fps : (fps * (indices.length - 1)) / span;
}

/** All frames of a clip at another rate, by the nearest time stamp. */
export function resampleFps(clip: Clip, targetFps: number): Clip {
  return selectFrames(clip, resampledIndices({ total: clip.frames, fps: clip.fps, targetFps }), { fps: targetFps });
}
