import type { Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { scheduleOf, type CompatOptions } from "./compat.js";
import { along, callAt } from "./euler.js";
import { solver } from "./run.js";
import { ratioWalk } from "./timesteps.js";

/** Heun's method: every step but the last looks ahead and averages (Karras et al., arXiv 2206.00364, algorithm 1). */
export function heun(options: CompatOptions = {}): Sampler {
  return solver("heun", async function* (run, request) {
    const { timesteps, sigmas } = ratioWalk(scheduleOf(request, options), request.steps);
    let x = run.start(2 * timesteps.length - 1, sigmas[0]);
    for (const [i, timestep] of timesteps.entries()) {
      const [from, to] = [sigmas[i]!, sigmas[i + 1]!];
      const base = x;
      const { noise, denoised } = await run.call(base, callAt(timestep, from));
      x = along(run, base, noise, to - from);
      yield run.step(timestep, x, denoised, [base, noise]);
      const next = timesteps[i + 1];
      if (next === undefined) continue;
      const second = await run.call(x, callAt(next, to));
      const slope = run.make(() => tf.mul(tf.add(noise, second.noise), 0.5));
      x = along(run, base, slope, to - from);
      yield run.step(next, x, second.denoised);
    }
    return x;
  });
}
