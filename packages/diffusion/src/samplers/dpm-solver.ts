// DPM-Solver++ (Lu et al., arXiv 2211.01095). Formulas in half the log signal-to-noise ratio, lambda = -ln(noise ratio).
import type { LatentTensor, NoiseSchedule, Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { type NetworkCall, solver, type SolverRun } from "./run.js";
import { interpolate, noiseRatios, roundedTimesteps } from "./timesteps.js";

/** One noise level. `alpha ** 2 + sigma ** 2 = 1`. */
export interface Level {
  readonly timestep: number;
  readonly alpha: number;
  readonly sigma: number;
  /** Infinite where no noise is left. */
  readonly lambda: number;
}

/** The call of the network at a level. */
export const callAtLevel = ({ timestep, alpha }: Level): NetworkCall => ({ timestep, alphaCumprod: alpha ** 2 });

/** The `steps` levels that the network is called at and the clean one after them. */
export function solverLevels(schedule: NoiseSchedule, steps: number): Level[] {
  const ratios = noiseRatios(schedule);
  const levels = roundedTimesteps(schedule, steps).map((timestep): Level => {
    const ratio = interpolate(ratios, timestep);
    const alpha = 1 / Math.sqrt(ratio ** 2 + 1);
    return { timestep, alpha, sigma: ratio * alpha, lambda: -Math.log(ratio) };
  });
  return [...levels, { timestep: -1, alpha: 1, sigma: 0, lambda: Infinity }];
}

/** The step from `x` at `from` to `to` along the estimate `direction` of the clean latents. */
function advance(run: SolverRun, x: LatentTensor, from: Level, to: Level, direction: LatentTensor): LatentTensor {
  // expm1 of minus infinity is -1: the last step lands on the estimate itself.
  const share = -to.alpha * Math.expm1(from.lambda - to.lambda);
  return run.make(() => tf.add(tf.mul(x, to.sigma / from.sigma), tf.mul(direction, share)));
}

/** `second + factor * (second - first)`. */
function extrapolate(run: SolverRun, first: LatentTensor, second: LatentTensor, factor: number): LatentTensor {
  return run.make(() => tf.add(tf.mul(second, 1 + factor), tf.mul(first, -factor)));
}

/** DPM-Solver++ 2M, algorithm 2 (midpoint): good from 15 to 25 steps. One call a step. */
export function dpmSolverMultistep(): Sampler {
  return solver("dpm-solver-multistep", async function* (run, request) {
    const levels = solverLevels(request.schedule, request.steps);
    let x = run.start(request.steps);
    let previous: LatentTensor | undefined;
    for (let i = 0; i < request.steps; i++) {
      const [from, to] = [levels[i]!, levels[i + 1]!];
      const { denoised } = await run.call(x, callAtLevel(from));
      let direction = denoised;
      if (previous !== undefined && i < request.steps - 1) {
        const before = levels[i - 1]!;
        const ratio = (to.lambda - from.lambda) / (from.lambda - before.lambda);
        direction = extrapolate(run, previous, denoised, ratio / 2);
      }
      x = advance(run, x, from, to, direction);
      previous = denoised;
      yield run.step(from.timestep, x, denoised);
    }
    return x;
  });
}

/** DPM-Solver++ 2S, algorithm 1: pairs of calls, the second of which starts again from the first's base. One call a step. */
export function dpmSolverSinglestep(): Sampler {
  return solver("dpm-solver-singlestep", async function* (run, request) {
    const { steps } = request;
    const levels = solverLevels(request.schedule, steps);
    let x = run.start(steps);
    let base = x;
    let first: LatentTensor | undefined;
    for (let i = 0; i < steps; i++) {
      const [from, to] = [levels[i]!, levels[i + 1]!];
      const { denoised } = await run.call(x, callAtLevel(from));
      // Orders 1, 2, 1, 2, …; the last step, which lands on the estimate, is always of order 1.
      if (first !== undefined && i < steps - 1) {
        const before = levels[i - 1]!;
        const ratio = (from.lambda - before.lambda) / (to.lambda - before.lambda);
        const direction = extrapolate(run, first, denoised, 1 / (2 * ratio) - 1);
        x = advance(run, base, before, to, direction);
        first = undefined;
        yield run.step(from.timestep, x, denoised);
      } else {
        base = x;
        first = denoised;
        x = advance(run, x, from, to, denoised);
        yield run.step(from.timestep, x, denoised, [base]);
      }
    }
    return x;
  });
}
