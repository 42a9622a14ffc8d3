import type { Sampler } from "@noisereel/core";
import { type CompatOptions, scheduleOf } from "./compat.js";
import { along, ancestralSplit, callAt } from "./euler.js";
import { solver } from "./run.js";
import { indexOfValue, ratioWalk } from "./timesteps.js";

/**
 * DPM-Solver-2 with fresh noise: every step but the last is taken with the slope at its geometric middle (Karras et al.,
 * arXiv 2206.00364, algorithm 2 without its churn).
 */
export function kdpm2Ancestral(options: CompatOptions = {}): Sampler {
  return solver("kdpm2-ancestral", async function* (run, request) {
    const { timesteps, ratios, sigmas } = ratioWalk(scheduleOf(request, options), request.steps);
    const logRatios = ratios.map(Math.log);
    let x = run.start(2 * timesteps.length - 1, sigmas[0]);
    for (const [i, timestep] of timesteps.entries()) {
      const from = sigmas[i]!;
      const { up, down } = ancestralSplit(from, sigmas[i + 1]!);
      const middle = Math.sqrt(from * down);
      const base = x;
      const { noise, denoised } = await run.call(base, callAt(timestep, from));
      x = along(run, base, noise, middle - from);
      yield run.step(timestep, x, denoised, [base]);
      if (middle === 0) continue;
      const timestepAtMiddle = indexOfValue(logRatios, Math.log(middle));
      const second = await run.call(x, callAt(timestepAtMiddle, middle));
      const moved = along(run, base, second.noise, down - from);
      x = along(run, moved, run.noise(), up);
      yield run.step(timestepAtMiddle, x, second.denoised);
    }
    return x;
  });
}
