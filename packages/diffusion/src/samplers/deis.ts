import type { LatentTensor, Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { solver } from "./run.js";
import { interpolate, noiseRatios, roundedTimesteps } from "./timesteps.js";

/** Up to this many steps the last one is of first order. */
const fewSteps = 14;

/**
 * DEIS with second-order multistep, its integrals in the logarithm of the noise ratio (Zhang and Chen, arXiv 2204.13902).
 * Ends at the noise level of timestep 0. One call a step.
 */
export function deis(): Sampler {
  return solver("deis", async function* (run, request) {
    const { steps } = request;
    const ratios = noiseRatios(request.schedule);
    const timesteps = roundedTimesteps(request.schedule, steps);
    const rho = [...timesteps.map((timestep) => interpolate(ratios, timestep)), ratios[0]!];
    const alpha = rho.map((ratio) => 1 / Math.sqrt(ratio ** 2 + 1));
    let x = run.start(steps);
    let previous: LatentTensor | undefined;
    for (const [i, timestep] of timesteps.entries()) {
      const [from, to] = [rho[i]!, rho[i + 1]!];
      const { noise, denoised } = await run.call(x, { timestep, alphaCumprod: alpha[i]! ** 2 });
      const before = rho[i - 1];
      const [a, b] =
        before === undefined || (i === steps - 1 && steps <= fewSteps)
          ? [to - from, 0]
          : [
              integral(to, from, before) - integral(from, from, before),
              integral(to, before, from) - integral(from, before, from),
            ];
      const older = previous ?? noise;
      const current = x;
      x = run.make(() => {
        const moved = tf.add(tf.mul(current, 1 / alpha[i]!), tf.mul(noise, a));
        return tf.mul(tf.add(moved, tf.mul(older, b)), alpha[i + 1]!);
      });
      previous = noise;
      yield run.step(timestep, x, denoised, [noise]);
    }
    return x;
  });
}

/** Antiderivative at `t` of the polynomial in ln t that is 1 at `b` and 0 at `c`. */
function integral(t: number, b: number, c: number): number {
  return (t * (Math.log(t) - Math.log(c) - 1)) / (Math.log(b) - Math.log(c));
}
