// How training timesteps are drawn.
import { ConfigError, type Rng } from "@noisereel/core";

export interface TimestepSampler {
  /** Draws `count` of `steps` timesteps, and the weight of each one's loss: 1 unless it makes up for uneven draws. */
  (steps: number, count: number, rng: Rng): { readonly timesteps: Float32Array; readonly weights: Float32Array };
  /** True for a sampler that is told the losses it led to. */
  readonly needsLosses?: boolean;
}

/** Every timestep alike. */
export function uniformTimesteps(): TimestepSampler {
  return (steps, count, rng) => ({
    timesteps: Float32Array.from({ length: count }, () => rng.integer(steps)),
    weights: new Float32Array(count).fill(1),
  });
}

/** More of the middle: the logistic function of a normal number (Esser et al., arXiv 2403.03206, section 3.1). */
export function logitNormalTimesteps(
  options: {
    /** Positive numbers prefer noisy timesteps. Default 0. */
    readonly mean?: number;
    /** Default 1. */
    readonly std?: number;
  } = {},
): TimestepSampler {
  const { mean = 0, std = 1 } = options;
  if (!(std > 0)) throw new ConfigError(`std is ${std}; use a positive number`);
  return (steps, count, rng) => ({
    timesteps: rng
      .normals(count)
      .map((z) => Math.min(Math.floor(steps / (1 + Math.exp(-(mean + std * z)))), steps - 1)),
    weights: new Float32Array(count).fill(1),
  });
}
