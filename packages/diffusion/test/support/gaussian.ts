// Data whose flow is known: latents that are normal. The best estimate and the flow's solution are formulas.
import { createRng, type LatentTensor, type NoiseSchedule, type SampleRequest } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { scheduleFromBetas } from "../../src/schedule.js";

/** Of the clean latents. */
export const gaussian = { mean: 0.8, deviation: 0.5 };

/** lambda falls in a straight line with the timestep, from 3 to -3, so that steps are even in it. */
export const evenSchedule = (() => {
  const level = (timestep: number) => 1 / (1 + Math.exp(-2 * (3 - (6 * timestep) / 999)));
  return scheduleFromBetas(
    "even",
    Array.from({ length: 1000 }, (_, t) => 1 - level(t) / (t === 0 ? 1 : level(t - 1))),
  );
})();

/** The mean of the clean number given `x = signal clean + amount noise`. */
export function bestClean(x: number, signal: number, amount: number): number {
  const { mean, deviation } = gaussian;
  return mean + ((signal * deviation ** 2) / ((signal * deviation) ** 2 + amount ** 2)) * (x - signal * mean);
}

type Mix = readonly [signal: number, amount: number];

/** The factors of a diffusion at `alphasCumprod` a. */
export const mixAt = (a: number): Mix => [Math.sqrt(a), Math.sqrt(1 - a)];

/** Where the flow takes `x` from one mix of signal and noise to another. */
export function exactFlow(x: number, from: Mix, to: Mix): number {
  const { mean, deviation } = gaussian;
  const spread = ([signal, amount]: Mix) => Math.sqrt((signal * deviation) ** 2 + amount ** 2);
  return to[0] * mean + (spread(to) / spread(from)) * (x - from[0] * mean);
}

/** A request for one number that starts at `start`, with the best network there is for a diffusion. */
export function gaussianRequest(steps: number, start: number, schedule: NoiseSchedule = evenSchedule): SampleRequest {
  return {
    predict: (x, timestep) => mapped(x, (value) => bestClean(value, ...mixAt(schedule.alphasCumprod[timestep]!))),
    predicts: "sample",
    learnsVariance: false,
    schedule,
    steps,
    latents: tf.fill<tf.Rank.R5>([1, 1, 1, 1, 1], start),
    rng: createRng(0),
  };
}

/** The same on the straight lines of rectified flow. */
export function gaussianFlowRequest(steps: number, start: number): SampleRequest {
  const schedule = evenSchedule;
  return {
    ...gaussianRequest(steps, start),
    predicts: "velocity",
    predict(x, timestep) {
      const share = (timestep + 1) / schedule.betas.length;
      return mapped(x, (value) => {
        const clean = bestClean(value, 1 - share, share);
        return (value - (1 - share) * clean) / share - clean;
      });
    },
  };
}

/** `f` of each number, in float64. */
function mapped(x: LatentTensor, f: (value: number) => number): LatentTensor {
  return tf.tensor5d(Array.from(x.dataSync(), f), x.shape);
}
