// How large a model's latents are over a set of clips: what `latent_scale` should be.
import {
  type CallOptions,
  type ClipSource,
  type ClipTransform,
  ConfigError,
  createRng,
  type Rng,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { clipsToTensor } from "./clips.js";
import type { MomentsAutoencoder } from "./model.js";
import { posterior, samplePosterior } from "./posterior.js";
import { RunningMoments } from "./running-moments.js";
import { checkVideoShape } from "./shape.js";

export interface LatentScaleOptions extends CallOptions {
  /** Seed of the posterior samples and of `transform`. Default 0. */
  readonly seed?: number;
  /** Measures this many clips, spread evenly over the source. Default all. */
  readonly clips?: number;
  /** Brings a clip to a size that the model takes, for example a random crop. Default none. */
  readonly transform?: ClipTransform;
}

/** Statistics of unscaled posterior samples. */
export interface LatentStatistics {
  /** `1 / std`: the `latent_scale` that gives latents a standard deviation of 1. */
  readonly scale: number;
  /** Over all values of all channels. */
  readonly mean: number;
  readonly std: number;
  /** For each channel of a latent. */
  readonly channelMean: readonly number[];
  readonly channelStd: readonly number[];
  readonly clips: number;
  /** Values of one channel that were measured. */
  readonly values: number;
}

/**
 * Encodes clip after clip and measures one posterior sample of each, in float64 and without keeping them (Rombach et
 * al., arXiv 2112.10752, section G: latents are divided by their standard deviation over all components). Throws
 * `ConfigError` when the source is empty or the latents do not vary, `ShapeError` for a clip that the model cannot take.
 */
export async function latentScale(
  vae: MomentsAutoencoder,
  source: ClipSource,
  options: LatentScaleOptions = {},
): Promise<LatentStatistics> {
  const { seed = 0, clips: wanted = source.length, signal } = options;
  if (source.length === 0) throw new ConfigError(`source ${source.name} has no clips; give at least one`);
  if (!Number.isInteger(wanted) || wanted < 1) throw new ConfigError(`clips is ${wanted}; use an integer from 1 up`);
  const count = Math.min(wanted, source.length);
  const rng = createRng(seed);
  const channels = Array.from({ length: vae.latentChannels }, () => new RunningMoments());
  for (let number = 0; number < count; number++) {
    signal?.throwIfAborted();
    const index = Math.floor((number * source.length) / count);
    await measureClip(index);
    options.onProgress?.({ type: "clip", index: number + 1, count });
  }
  const all = channels.reduce((sum, channel) => sum.merge(channel), new RunningMoments());
  if (!(all.std > 0)) {
    throw new ConfigError(
      `the latents of ${count} clips have a standard deviation of ${all.std}, so no scale brings it to 1; train the model first, or give clips that differ`,
    );
  }
  return {
    scale: 1 / all.std,
    mean: all.mean,
    std: all.std,
    channelMean: channels.map((channel) => channel.mean),
    channelStd: channels.map((channel) => channel.std),
    clips: count,
    values: channels[0]!.count,
  };

  async function measureClip(index: number): Promise<void> {
    const found = await source.get(index, { signal });
    const stream = rng.fork(`clip.${index}`);
    const clip = options.transform === undefined ? found : await options.transform(found, stream.fork("transform"));
    const video = clipsToTensor([clip]);
    try {
      checkVideoShape(video.shape, vae.stride);
      const moments = await vae.moments(video, { signal });
      const sample = sampleOf(moments, stream.fork("sample"));
      moments.dispose();
      try {
        const values = (await sample.data()) as Float32Array; // [1, T', h, w, z]
        channels.forEach((channel, place) => channel.add(values, { start: place, step: channels.length }));
      } finally {
        sample.dispose();
      }
    } finally {
      video.dispose();
    }
  }
}

function sampleOf(moments: tf.Tensor5D, rng: Rng): tf.Tensor5D {
  return tf.tidy(() => {
    const distribution = posterior(moments);
    return samplePosterior(distribution, rng.normal(distribution.mean.shape) as tf.Tensor5D);
  });
}
