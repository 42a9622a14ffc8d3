import type { Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { SolverRun } from "./run.js";
import { integerTimesteps, type Spacing } from "./timesteps.js";

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
  return {
    name: "ddim",
    async *sample(request) {
      const run = new SolverRun(request);
      try {
        const timesteps = integerTimesteps(request.schedule, request.steps, spacing, compat);
        const level = (timestep: number | undefined) =>
          timestep === undefined ? 1 : request.schedule.alphasCumprod[timestep]!;
        let x = run.start(timesteps.length);
        for (const [i, timestep] of timesteps.entries()) {
          const a = level(timestep);
          const b = level(timesteps[i + 1]);
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
        return run.finish(x);
      } finally {
        run.dispose();
      }
    },
  };
}
