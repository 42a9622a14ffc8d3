import { ConfigError, type Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { solver } from "./run.js";

export interface FlowEulerOptions {
  /** Above 1 spends more of the steps where there is much noise: good for large clips. Default 1, even steps. */
  readonly shift?: number;
}

/**
 * Euler's method for networks trained with `rectifiedFlow` (arXiv 2403.03206, section 5.3 for the shift). It reads nothing of
 * the schedule but its number of timesteps. One call a step.
 */
export function flowEuler(options: FlowEulerOptions = {}): Sampler {
  const { shift = 1 } = options;
  if (!(shift > 0)) throw new ConfigError(`shift is ${shift}; use a positive number, 1 for even steps`);
  return solver("flow-euler", async function* (run, request) {
    const { steps, schedule, predicts } = request;
    if (predicts !== "velocity") {
      throw new ConfigError(`predicts is ${predicts}; flowEuler needs a network trained with rectifiedFlow`);
    }
    const shares = Array.from({ length: steps + 1 }, (_, i) => {
      const share = 1 - i / steps;
      return (shift * share) / (1 + (shift - 1) * share);
    });
    let x = run.start(steps);
    for (let i = 0; i < steps; i++) {
      const [from, to] = [shares[i]!, shares[i + 1]!];
      const timestep = from * schedule.betas.length - 1;
      const velocity = await run.output(x, timestep);
      const current = x;
      const denoised = run.make(() => tf.sub(current, tf.mul(velocity, from)));
      x = run.make(() => tf.add(current, tf.mul(velocity, to - from)));
      yield run.step(timestep, x, denoised);
    }
    return x;
  });
}
