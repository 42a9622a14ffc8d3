import type { Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { solver } from "./run.js";
import { integerTimesteps, levelsOf, type Spacing } from "./timesteps.js";

export interface DdimOptions {
  /** Share of fresh noise: 0 is deterministic, 1 as much as DDPM. Default 0. */
  readonly eta?: number;
  /** Clamp estimates of the clean latents to plus and minus this. Default false: latents go beyond 1. */
  readonly clip?: number | false;
  /** Default `leading`. */
  readonly spacing?: Spacing;
  /** diffusers' defaults: `clip` 1 and a whole-number stride. Options given beside it win. */
  readonly compat?: boolean;
}

/** Song et al., "Denoising diffusion implicit models", arXiv 2010.02502, equation 12. One call a step. */
export function ddim(options: DdimOptions = {}): Sampler {
  const { eta = 0, compat = false, spacing = "leading" } = options;
  const clip = options.clip ?? (compat ? 1 : false);
  return solver("ddim", async function* (run, request) {
    const timesteps = integerTimesteps(request.schedule, request.steps, spacing, compat);
    const levels = levelsOf(request.schedule, timesteps);
    let x = run.start(timesteps.length);
    for (const [i, timestep] of timesteps.entries()) {
      const [a, b] = [levels[i]!, levels[i + 1]!];
      const { noise, denoised } = await run.call(x, { timestep, alphaCumprod: a, clip });
      const fresh = eta * Math.sqrt(((1 - b) / (1 - a)) * (1 - a / b));
      const kept = Math.sqrt(Math.max(1 - b - fresh ** 2, 0));
      x = run.make(() => tf.add(tf.mul(denoised, Math.sqrt(b)), tf.mul(noise, kept)));
      if (fresh > 0) {
        const z = run.noise();
        const moved = x;
        x = run.make(() => tf.add(moved, tf.mul(z, fresh)));
      }
      yield run.step(timestep, x, denoised);
    }
    return x;
  });
}
