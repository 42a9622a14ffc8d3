// Rectified flow (Liu et al., arXiv 2209.03003; Esser et al., arXiv 2403.03206): straight lines from data to noise.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { addNoise } from "./gaussian.js";
import type { Objective } from "./objective.js";
import { meanPerItem } from "./terms.js";
import { logitNormalTimesteps, type TimestepSampler } from "./timesteps.js";

export interface RectifiedFlowOptions {
  /** Timesteps that the network is told, as many as the schedule that it is sampled with. Default 1000. */
  readonly steps?: number;
  /** Default logit-normal: the middle of the line is the hard part. */
  readonly timesteps?: TimestepSampler;
}

/**
 * `x_t = (1 - s) clean + s noise` at `s = (t + 1) / steps`; the network estimates the line's direction, `noise - clean`. That is
 * another velocity than a diffusion's: sample such a network with `flowEuler` alone.
 */
export function rectifiedFlow(options: RectifiedFlowOptions = {}): Objective {
  const { steps = 1000, timesteps: draw = logitNormalTimesteps() } = options;
  if (!Number.isInteger(steps) || steps < 1) throw new ConfigError(`steps is ${steps}; use a positive integer`);
  return {
    name: "rectified-flow",
    predicts: "velocity",
    learnsVariance: false,
    needsItemLosses: draw.needsLosses === true,
    drawTimesteps: (count, rng) => draw(steps, count, rng),
    factors: (timesteps) => ({
      signal: Float32Array.from(timesteps, (timestep) => 1 - (timestep + 1) / steps),
      noise: Float32Array.from(timesteps, (timestep) => (timestep + 1) / steps),
    }),
    noised: addNoise,
    losses({ output, clean, noise }) {
      const mse = meanPerItem(tf.square(tf.sub(tf.sub(noise, clean), output)));
      return { loss: mse, parts: { mse } };
    },
  };
}
