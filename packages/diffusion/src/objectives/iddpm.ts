// Gaussian diffusion as improved DDPM trains it (Nichol and Dhariwal, arXiv 2102.09672).
import { ConfigError, type Denoiser, type NoiseSchedule } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { linearSchedule } from "../schedule.js";
import {
  addNoise,
  denoisingDistribution,
  gatherFloat32,
  gaussianFactors,
  posterior,
  toClean,
  type VarianceKind,
} from "./gaussian.js";
import type { LossInput, Objective } from "./objective.js";
import { discretizedGaussianLogLikelihood, gaussianKl, meanPerItem, perItem, stopGradient } from "./terms.js";
import { type TimestepSampler, uniformTimesteps } from "./timesteps.js";

export interface IddpmOptions {
  /** Default `linearSchedule()`. */
  readonly schedule?: NoiseSchedule;
  /** What the network estimates. Default `noise`. */
  readonly predicts?: Denoiser["predicts"];
  /**
   * The variance of a denoising step: an output of the network between its two bounds, or fixed to one of them. It matters
   * to the loss only when it is learned or `loss` is a KL form. Default `fixed-small`.
   */
  readonly variance?: VarianceKind;
  /**
   * `mse`: the squared error, plus the variational bound when the variance is learned. `rescaled-mse`: that bound times
   * steps / 1000. `kl`: the bound alone. `rescaled-kl`: times the number of steps. Default `mse`.
   */
  readonly loss?: "mse" | "rescaled-mse" | "kl" | "rescaled-kl";
  /**
   * Cap on the signal-to-noise ratio in the weight of the squared error (min-SNR, Hang et al., arXiv 2303.09556), e.g. 5.
   * Default none.
   */
  readonly minSnr?: number;
  /** Default uniform. */
  readonly timesteps?: TimestepSampler;
}

/** The reference trains with `{ variance: "learned-range" }`; leave that out for a network without variance outputs. */
export function iddpm(options: IddpmOptions = {}): Objective {
  const schedule = options.schedule ?? linearSchedule();
  const { predicts = "noise", variance = "fixed-small", loss = "mse", minSnr } = options;
  const draw = options.timesteps ?? uniformTimesteps();
  const steps = schedule.betas.length;
  if (minSnr !== undefined && !(minSnr > 0))
    throw new ConfigError(`minSnr is ${minSnr}; use a positive number, e.g. 5`);
  const learned = variance === "learned-range";
  const needsBound = learned || loss === "kl" || loss === "rescaled-kl";

  return {
    name: "iddpm",
    predicts,
    learnsVariance: learned,
    needsItemLosses: draw.needsLosses === true,
    drawTimesteps: (count, rng) => draw(steps, count, rng),
    factors(timesteps) {
      const { signal, noise, ...bound } = gaussianFactors(schedule, timesteps, variance);
      return {
        signal: signal!,
        noise: noise!,
        ...(needsBound ? bound : {}),
        ...(minSnr === undefined
          ? {}
          : { weight: gatherFloat32(minSnrWeights(schedule, predicts, minSnr), timesteps) }),
      };
    },
    noised: addNoise,
    losses(input) {
      const prediction = splitOutput(input.output, input.clean.shape[4], learned);
      const bound = (value: tf.Tensor5D) =>
        variationalBound({ ...input, prediction: value, predicts }, prediction.range);
      if (loss === "kl" || loss === "rescaled-kl") {
        const vb = bound(prediction.mean);
        const whole = loss === "kl" ? vb : (tf.mul(vb, steps) as tf.Tensor1D);
        return { loss: whole, parts: { vb: whole } };
      }
      const squared = meanPerItem(tf.square(tf.sub(target(input, predicts), prediction.mean)));
      const { weight } = input.factors;
      const mse = weight === undefined ? squared : (tf.mul(squared, weight) as tf.Tensor1D);
      if (!learned) return { loss: mse, parts: { mse } };
      // The bound trains the variance only: the mean's estimate is cut off from it.
      const vb = bound(stopGradient(prediction.mean));
      const scaled = loss === "rescaled-mse" ? (tf.mul(vb, steps / 1000) as tf.Tensor1D) : vb;
      return { loss: tf.add(mse, scaled) as tf.Tensor1D, parts: { mse, vb: scaled } };
    },
  };
}

/**
 * The prior's part of the variational bound: KL of the fully noised latents from a standard normal, in bits for each value.
 * `clean`: `[B, S, h, w, C]`; result `[B]`.
 */
export function priorBitsPerDimension(clean: tf.Tensor5D, schedule: NoiseSchedule): tf.Tensor1D {
  return tf.tidy(() => {
    const last = schedule.alphasCumprod.at(-1)!;
    const noised = { mean: tf.mul(clean, Math.sqrt(last)), logVariance: tf.scalar(Math.log(1 - last)) };
    const standard = { mean: tf.scalar(0), logVariance: tf.scalar(0) };
    return tf.div(meanPerItem(gaussianKl(noised, standard)), Math.LN2);
  });
}

function minSnrWeights(schedule: NoiseSchedule, predicts: Denoiser["predicts"], cap: number): number[] {
  return Array.from(schedule.alphasCumprod, (a) => {
    const snr = a / (1 - a);
    const capped = Math.min(snr, cap);
    // The cap is on the weight of the clean sample's error; these turn it into a weight on the estimated one's.
    if (predicts === "sample") return capped;
    return predicts === "velocity" ? capped / (snr + 1) : snr === 0 ? 1 : capped / snr;
  });
}

function splitOutput(
  output: tf.Tensor5D,
  channels: number,
  learned: boolean,
): { readonly mean: tf.Tensor5D; readonly range: tf.Tensor5D | undefined } {
  const found = output.shape[4];
  if (found !== (learned ? 2 * channels : channels)) {
    throw new ConfigError(
      `the denoiser returned ${found} channels for ${channels} latent channels, but variance is ${learned ? "learned" : "fixed"}; set the model's out_channels to ${learned ? 2 * channels : channels} or change the objective's variance`,
    );
  }
  if (!learned) return { mean: output, range: undefined };
  const [mean, range] = tf.split(output, 2, 4) as [tf.Tensor5D, tf.Tensor5D];
  return { mean, range };
}

function target({ clean, noise, factors }: LossInput, predicts: Denoiser["predicts"]): tf.Tensor5D {
  if (predicts === "noise") return noise;
  if (predicts === "sample") return clean;
  return tf.sub(tf.mul(noise, perItem(factors["signal"]!)), tf.mul(clean, perItem(factors["noise"]!)));
}

/**
 * One term of the variational bound for each item, in bits for each value: the divergence of the model's denoising step
 * from the posterior, and at timestep 0 the negative log likelihood.
 */
function variationalBound(
  input: LossInput & { readonly prediction: tf.Tensor5D; readonly predicts: Denoiser["predicts"] },
  range: tf.Tensor5D | undefined, // [B, S, h, w, C] in about [-1, 1]
): tf.Tensor1D {
  return tf.tidy(() => {
    const { clean, noisy, factors } = input;
    const estimate = toClean(input.prediction, noisy, factors, input.predicts);
    const model = denoisingDistribution(estimate, noisy, range, factors);
    const divergence = meanPerItem(gaussianKl(posterior(clean, noisy, factors), model));
    const likelihood = meanPerItem(discretizedGaussianLogLikelihood(clean, model.mean, tf.mul(model.logVariance, 0.5)));
    const first = factors["isFirst"]!;
    const nats = tf.add(tf.mul(tf.sub(1, first), divergence), tf.mul(first, tf.neg(likelihood)));
    return tf.div(nats, Math.LN2);
  });
}
