// The steps of Gaussian diffusion for a batch of timesteps (Ho et al., arXiv 2006.11239; Nichol and Dhariwal, arXiv
// 2102.09672). Factors are looked up on the host; `[B]` tensors of them make the formulas.
import { ConfigError, type Denoiser, type NamedTensors, type NoiseSchedule } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { diffusionTables } from "../schedule.js";
import type { TimestepFactors } from "./objective.js";
import { perItem } from "./terms.js";

/** Variance of a denoising step: learned between its two bounds, the larger bound, or the smaller. */
export type VarianceKind = "learned-range" | "fixed-large" | "fixed-small";

/** Mean and variance of Gaussians; the variances broadcast to `[B, S, h, w, C]`. */
export interface Distribution {
  readonly mean: tf.Tensor5D;
  readonly logVariance: tf.Tensor5D;
}

/** `table[timesteps[i]]`, rounded to float32. */
export function gatherFloat32(table: ArrayLike<number>, timesteps: ArrayLike<number>): Float32Array {
  return Float32Array.from(timesteps, (timestep) => {
    const value = table[timestep];
    if (value === undefined) {
      throw new ConfigError(`timestep is ${timestep}; use an integer from 0 to ${table.length - 1}`);
    }
    return value;
  });
}

/** Everything that the functions below read of a schedule at `timesteps`. */
export function gaussianFactors(
  schedule: NoiseSchedule,
  timesteps: ArrayLike<number>,
  variance: VarianceKind,
): TimestepFactors {
  const tables = diffusionTables(schedule);
  const at = (table: ArrayLike<number>) => gatherFloat32(table, timesteps);
  const { betas, posteriorVariance, posteriorLogVarianceClipped } = tables;
  // The posterior of the first step has no variance; the next one's stands in for it, in both fixed kinds.
  const large = betas.map((beta, t) => Math.log(t === 0 ? (posteriorVariance[1] ?? beta) : beta));
  return {
    signal: at(tables.sqrtAlphasCumprod),
    noise: at(tables.sqrtOneMinusAlphasCumprod),
    signalBefore: at(tables.alphasCumprodPrev.map(Math.sqrt)),
    signalAfter: at(tables.alphasCumprodNext.map(Math.sqrt)),
    posteriorOnClean: at(tables.posteriorMeanCoef1),
    posteriorOnNoisy: at(tables.posteriorMeanCoef2),
    posteriorLogVariance: at(posteriorLogVarianceClipped),
    minLogVariance: at(variance === "fixed-large" ? large : posteriorLogVarianceClipped),
    maxLogVariance: at(betas.map(Math.log)),
    isFirst: Float32Array.from(timesteps, (timestep) => (timestep === 0 ? 1 : 0)),
  };
}

/** `signal * clean + amount * noise`. All `[B, S, h, w, C]`. */
export function addNoise(clean: tf.Tensor5D, noise: tf.Tensor5D, factors: NamedTensors): tf.Tensor5D {
  return tf.tidy(() => tf.add(tf.mul(clean, perItem(factors["signal"]!)), tf.mul(noise, perItem(factors["noise"]!))));
}

/** The clean latents that an estimate implies, `[B, S, h, w, C]`. */
export function toClean(
  prediction: tf.Tensor5D,
  noisy: tf.Tensor5D,
  factors: NamedTensors,
  predicts: Denoiser["predicts"],
): tf.Tensor5D {
  if (predicts === "sample") return prediction;
  return tf.tidy(() => {
    const signal = perItem(factors["signal"]!);
    const amount = perItem(factors["noise"]!);
    if (predicts === "velocity") return tf.sub(tf.mul(noisy, signal), tf.mul(prediction, amount));
    return tf.div(tf.sub(noisy, tf.mul(prediction, amount)), signal);
  });
}

/** The noise that clean and noisy latents imply, `[B, S, h, w, C]`. */
export function toNoise(clean: tf.Tensor5D, noisy: tf.Tensor5D, factors: NamedTensors): tf.Tensor5D {
  return tf.tidy(() => tf.div(tf.sub(noisy, tf.mul(clean, perItem(factors["signal"]!))), perItem(factors["noise"]!)));
}

/** Where the latents of one timestep less lie, given clean and noisy ones. */
export function posterior(clean: tf.Tensor5D, noisy: tf.Tensor5D, factors: NamedTensors): Distribution {
  const mean = tf.tidy(() =>
    tf.add(tf.mul(clean, perItem(factors["posteriorOnClean"]!)), tf.mul(noisy, perItem(factors["posteriorOnNoisy"]!))),
  ) as tf.Tensor5D;
  return { mean, logVariance: perItem(factors["posteriorLogVariance"]!) };
}

/**
 * The network's distribution of the latents of one timestep less. `clean`: its estimate; `range`: its variance output, -1
 * for the smaller bound and 1 for the larger, not clamped; without it the variance is the fixed one of the factors.
 */
export function denoisingDistribution(
  clean: tf.Tensor5D,
  noisy: tf.Tensor5D,
  range: tf.Tensor5D | undefined,
  factors: NamedTensors,
): Distribution {
  const { mean } = posterior(clean, noisy, factors);
  const low = perItem(factors["minLogVariance"]!);
  if (range === undefined) return { mean, logVariance: low };
  const logVariance = tf.tidy(() => {
    const share = tf.mul(tf.add(range, 1), 0.5);
    const high = perItem(factors["maxLogVariance"]!);
    return tf.add(tf.mul(share, high), tf.mul(tf.sub(1, share), low));
  }) as tf.Tensor5D;
  return { mean, logVariance };
}

/** A draw from `distribution` with standard normal `noise`; at timestep 0 the mean. */
export function ancestralStep(distribution: Distribution, noise: tf.Tensor5D, factors: NamedTensors): tf.Tensor5D {
  return tf.tidy(() => {
    const deviation = tf.mul(tf.exp(tf.mul(distribution.logVariance, 0.5)), perItem(tf.sub(1, factors["isFirst"]!)));
    return tf.add(distribution.mean, tf.mul(deviation, noise));
  });
}

/** One DDIM step down (arXiv 2010.02502, equation 12). `eta`: share of fresh noise. */
export function ddimStep(
  clean: tf.Tensor5D,
  noisy: tf.Tensor5D,
  fresh: { readonly eta: number; readonly noise: tf.Tensor5D },
  factors: NamedTensors,
): tf.Tensor5D {
  return tf.tidy(() => {
    const before = tf.square(perItem(factors["signalBefore"]!));
    const level = tf.square(perItem(factors["signal"]!));
    const variance = tf.mul(tf.div(tf.sub(1, before), tf.sub(1, level)), tf.sub(1, tf.div(level, before)));
    const sigma = tf.mul(tf.sqrt(variance), fresh.eta);
    const onNoise = tf.sqrt(tf.sub(tf.sub(1, before), tf.square(sigma)));
    const mean = tf.add(
      tf.mul(clean, perItem(factors["signalBefore"]!)),
      tf.mul(toNoise(clean, noisy, factors), onNoise),
    );
    const spread = tf.mul(sigma, perItem(tf.sub(1, factors["isFirst"]!)));
    return tf.add(mean, tf.mul(spread, fresh.noise));
  });
}

/** One deterministic DDIM step up, from latents towards noise: the inverse of `ddimStep` with eta 0. */
export function ddimReverseStep(clean: tf.Tensor5D, noisy: tf.Tensor5D, factors: NamedTensors): tf.Tensor5D {
  return tf.tidy(() => {
    const after = perItem(factors["signalAfter"]!);
    const onNoise = tf.sqrt(tf.sub(1, tf.square(after)));
    return tf.add(tf.mul(clean, after), tf.mul(toNoise(clean, noisy, factors), onNoise));
  });
}
