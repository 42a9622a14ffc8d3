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
}

/** Codes the first `frames` frames of every clip by the posterior's mean. */
export async function measureReconstruction(
  vae: MomentsAutoencoder,
  clips: readonly Clip[],
  frames: number,
  signal: AbortSignal,
): Promise<Reconstruction> {
  const sums = new Float64Array(frames);
  let movement = 0;
  for (const clip of clips) {
    const places = Array.from({ length: frames }, (_, index) => index);
    const video = clipToTensor(selectFrames(clip, places)); // [1, T, H, W, 3]
    const latents = await vae.encode(video, { signal });
    const decoded = await vae.decode(latents, { signal });
    try {
      const [scores] = await psnr(decoded, video);
      scores!.forEach((score, index) => (sums[index]! += score / clips.length));
      const before = movementOf(await video.data<"float32">(), frames);
      movement += movementOf(await decoded.data<"float32">(), frames) / before / clips.length;
    } finally {
      for (const tensor of [video, latents, decoded]) tensor.dispose();
    }
  }
  const psnrByFrame = [...sums];
  return { psnr: psnrByFrame.reduce((sum, value) => sum + value, 0) / frames, psnrByFrame, movement };
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
