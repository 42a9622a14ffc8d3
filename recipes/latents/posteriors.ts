// Posteriors of clips as plain arrays: what latent caches hold and denoisers train on.
import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import { type Clip, sizeOf } from "@noisereel/core";
import { clipToTensor } from "@noisereel/data";
import type { LatentPosterior } from "@noisereel/diffusion";

/** Encodes one clip or still. */
export async function posteriorOf(
  piece: Clip,
  coder: MomentsAutoencoder,
  signal?: AbortSignal,
): Promise<Required<LatentPosterior>> {
  const video = clipToTensor(piece);
  try {
    const moments = await coder.moments(video, { signal });
    try {
      return splitMoments((await moments.data()) as Float32Array, moments.shape.slice(1));
    } finally {
      moments.dispose();
    }
  } finally {
    video.dispose();
  }
}

/** `[T, H, W, 2C]`, mean before log variance in each pixel. */
function splitMoments(moments: Float32Array, shape: readonly number[]): Required<LatentPosterior> {
  const channels = shape[3]! / 2;
  const half = [...shape.slice(0, 3), channels] as [number, number, number, number];
  const mean = new Float32Array(sizeOf(half));
  const logVariance = new Float32Array(sizeOf(half));
  for (let i = 0; i < mean.length; i++) {
    const pixel = Math.floor(i / channels) * 2 * channels;
    mean[i] = moments[pixel + (i % channels)]!;
    logVariance[i] = moments[pixel + channels + (i % channels)]!;
  }
  return { shape: half, mean, logVariance };
}

/** The posterior of `scale` times the latents. */
export function scalePosterior({ shape, mean, logVariance }: LatentPosterior, scale: number): LatentPosterior {
  const shift = 2 * Math.log(scale);
  return {
    shape,
    mean: mean.map((value) => value * scale),
    ...(logVariance === undefined ? {} : { logVariance: logVariance.map((value) => value + shift) }),
  };
}
