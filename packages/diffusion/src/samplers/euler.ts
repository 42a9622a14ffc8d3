// Samplers of the probability flow's differential equation in the noise ratio sigma (Karras et al., arXiv 2206.00364). Their
// state is the clean latents plus sigma times noise; the network is given it divided by sqrt(sigma^2 + 1).
import type { LatentTensor, Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { type NetworkCall, solver, type SolverRun } from "./run.js";
import { ratioWalk } from "./timesteps.js";

/** The call of the network on a state with noise ratio `sigma`. */
export function callAt(timestep: number, sigma: number): NetworkCall {
  const variance = 1 / (sigma ** 2 + 1);
  return { timestep, alphaCumprod: variance, inputScale: Math.sqrt(variance) };
}

/** `x + slope * amount`. */
export function along(run: SolverRun, x: LatentTensor, slope: LatentTensor, amount: number): LatentTensor {
  return run.make(() => tf.add(x, tf.mul(slope, amount)));
}

/** How much fresh noise an ancestral step from `from` to `to` adds, and how far down it goes before. */
export function ancestralSplit(from: number, to: number): { readonly up: number; readonly down: number } {
  const up = Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2);
  return { up, down: Math.sqrt(Math.max(to ** 2 - up ** 2, 0)) };
}

/** Euler's method. One call a step. */
export function euler(): Sampler {
  return solver("euler", async function* (run, request) {
    const { timesteps, sigmas } = ratioWalk(request.schedule, request.steps);
    let x = run.start(timesteps.length, sigmas[0]);
    for (const [i, timestep] of timesteps.entries()) {
      const { noise, denoised } = await run.call(x, callAt(timestep, sigmas[i]!));
      x = along(run, x, noise, sigmas[i + 1]! - sigmas[i]!);
      yield run.step(timestep, x, denoised);
    }
    return x;
  });
}

/** Euler's method that goes further down and adds fresh noise. One call a step. */
export function eulerAncestral(): Sampler {
  return solver("euler-ancestral", async function* (run, request) {
    const { timesteps, sigmas } = ratioWalk(request.schedule, request.steps);
    let x = run.start(timesteps.length, sigmas[0]);
    for (const [i, timestep] of timesteps.entries()) {
      const { noise, denoised } = await run.call(x, callAt(timestep, sigmas[i]!));
      const { up, down } = ancestralSplit(sigmas[i]!, sigmas[i + 1]!);
      x = along(run, x, noise, down - sigmas[i]!);
      if (up > 0) x = along(run, x, run.noise(), up);
      yield run.step(timestep, x, denoised);
    }
    return x;
  });
}
