// What a VAE keeps of clips: of every frame, and of their movement.
import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import type { Clip } from "@noisereel/core";
import { clipToTensor, selectFrames } from "@noisereel/data";
import { psnr } from "@noisereel/metrics";

export interface Reconstruction {
  /** Mean over all frames of all clips, in dB. */
  readonly psnr: number;
  /** PSNR by place in the clip, mean over clips, in dB. */
  readonly psnrByFrame: readonly number[];
  /**
   * How much of the movement is left: the standard deviation over time of the reconstruction divided by the clip's, both
   * averaged over pixels, mean over clips. 1 keeps it all, 0 is a still image.
   */
  readonly movement: number;
  /** How much of what changes from frame to frame is left, see `FrameChange`. */
  readonly change: FrameChange;
}

/**
 * Temporal blur, measured on moving pixels: those whose three colours change by at least `movingThreshold` on average from
 * one frame of the clip to the next. With Δ the change of a value there, x the clip and y the reconstruction, over all
 * moving pixels of all clips:
 */
export interface FrameChange {
  /** `Σ|Δy| / Σ|Δx|`: how much changes. 1 is no blur; noise from frame to frame adds to it. */
  readonly amount: number;
  /** `Σ Δy Δx / Σ Δx²`: how much of the clip's own change is there. 1 is no blur; what is unrelated adds nothing. */
  readonly kept: number;
}

/** A twentieth of the range of values, [-1, 1]. */
export const movingThreshold = 0.1;

/** `frames` frames from `start` on. */
export interface FrameRange {
  readonly start: number;
  readonly frames: number;
}

/** Codes these frames of every clip, all at once, by the posterior's mean. Clips without any moving pixel make `change` NaN. */
export async function measureReconstruction(
  vae: MomentsAutoencoder,
  clips: readonly Clip[],
  options: FrameRange & { readonly signal: AbortSignal; readonly onClip?: (done: number) => void },
): Promise<Reconstruction> {
  const { start, frames, signal, onClip } = options;
  const sums = new Float64Array(frames);
  const change = new ChangeSums();
  let movement = 0;
  for (const [index, clip] of clips.entries()) {
    const places = Array.from({ length: frames }, (_, place) => start + place);
    const video = clipToTensor(selectFrames(clip, places)); // [1, T, H, W, 3]
    const latents = await vae.encode(video, { signal });
    const decoded = await vae.decode(latents, { signal });
    try {
      const [scores] = await psnr(decoded, video);
      scores!.forEach((score, frame) => (sums[frame]! += score / clips.length));
      const [original, result] = [await video.data<"float32">(), await decoded.data<"float32">()];
      movement += movementOf(result, frames) / movementOf(original, frames) / clips.length;
      change.add(original, result, frames);
    } finally {
      for (const tensor of [video, latents, decoded]) tensor.dispose();
    }
    onClip?.(index + 1);
  }
  const psnrByFrame = [...sums];
  return {
    psnr: psnrByFrame.reduce((sum, value) => sum + value, 0) / frames,
    psnrByFrame,
    movement,
    change: change.result(),
  };
}

/** The standard deviation over time of each value of a frame, averaged. `values`: `[T, H, W, 3]`. */
function movementOf(values: Float32Array, frames: number): number {
  const size = values.length / frames;
  let total = 0;
  for (let place = 0; place < size; place++) {
    let [sum, squares] = [0, 0];
    for (let frame = 0; frame < frames; frame++) {
      const value = values[frame * size + place]!;
      sum += value;
      squares += value * value;
    }
    total += Math.sqrt(Math.max(0, squares / frames - (sum / frames) ** 2));
  }
  return total / size;
}

/** The sums that `FrameChange` is made of. */
class ChangeSums {
  #absolute = [0, 0] as [clip: number, reconstruction: number];
  #products = [0, 0] as [clip: number, both: number];

  /** Both `[T, H, W, 3]`. */
  add(clip: Float32Array, reconstruction: Float32Array, frames: number): void {
    const size = clip.length / frames;
    for (let pixel = 0; pixel < clip.length - size; pixel += 3) {
      const colours = [pixel, pixel + 1, pixel + 2];
      const total = colours.reduce((sum, place) => sum + Math.abs(clip[place + size]! - clip[place]!), 0);
      if (total < 3 * movingThreshold) continue;
      for (const place of colours) {
        const before = clip[place + size]! - clip[place]!;
        const after = reconstruction[place + size]! - reconstruction[place]!;
        this.#absolute[0] += Math.abs(before);
        this.#absolute[1] += Math.abs(after);
        this.#products[0] += before * before;
        this.#products[1] += before * after;
      }
    }
  }

  result(): FrameChange {
    return { amount: this.#absolute[1] / this.#absolute[0], kept: this.#products[1] / this.#products[0] };
  }
}
