import type { LatentTensor, Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { solver, type SolverRun } from "./run.js";
import { integerTimesteps, levelsOf, type Spacing } from "./timesteps.js";

export interface DdpmOptions {
  /**
   * Variance of a step: the posterior's, the forward process's, or what the network says between the two, where it
   * learned to. Default `fixed-small`.
   */
  readonly variance?: "fixed-small" | "fixed-large" | "learned";
  /** Clamp estimates of the clean latents to plus and minus this. Default false: latents go beyond 1. */
  readonly clip?: number | false;
  /** Default `leading`. */
  readonly spacing?: Spacing;
  /** diffusers' defaults: `clip` 1 and a whole-number stride. Options given beside it win. */
  readonly compat?: boolean;
}

/** Ho et al., "Denoising diffusion probabilistic models", arXiv 2006.11239, algorithm 2. One call a step. */
export function ddpm(options: DdpmOptions = {}): Sampler {
  const { compat = false, spacing = "leading", variance = "fixed-small" } = options;
  const clip = options.clip ?? (compat ? 1 : false);
  return solver("ddpm", async function* (run, request) {
    const timesteps = integerTimesteps(request.schedule, request.steps, spacing, compat);
    const levels = levelsOf(request.schedule, timesteps);
    let x = run.start(timesteps.length);
    for (const [i, timestep] of timesteps.entries()) {
      const [a, b] = [levels[i]!, levels[i + 1]!];
      const beta = 1 - a / b;
      const { denoised, range } = await run.call(x, { timestep, alphaCumprod: a, clip });
      const onClean = (Math.sqrt(b) * beta) / (1 - a);
      const onNoisy = (Math.sqrt(1 - beta) * (1 - b)) / (1 - a);
      const mean = sum(run, denoised, onClean, x, onNoisy);
      x = mean;
      if (i < timesteps.length - 1) {
        const small = Math.log(Math.max(((1 - b) / (1 - a)) * beta, 1e-20));
        const deviation = standardDeviation(variance, small, Math.log(beta), range);
        const z = run.noise();
        x = run.make(() => tf.add(mean, tf.mul(z, deviation())));
      }
      yield run.step(timestep, x, denoised);
    }
    return x;
  });
}

function sum(run: SolverRun, x: LatentTensor, a: number, y: LatentTensor, b: number): LatentTensor {
  return run.make(() => tf.add(tf.mul(x, a), tf.mul(y, b)));
}

/** Between the logarithms of the two bounds, `range` from -1 to 1 says where. */
function standardDeviation(
  variance: "fixed-small" | "fixed-large" | "learned",
  small: number,
  large: number,
  range: LatentTensor | undefined,
): () => tf.Tensor | number {
  if (variance === "learned" && range !== undefined) {
    return () => {
      const share = tf.mul(tf.add(range, 1), 0.5);
      return tf.exp(tf.mul(tf.add(tf.mul(share, large - small), small), 0.5));
    };
  }
  const fixed = Math.exp((variance === "fixed-large" ? large : small) / 2);
  return () => fixed;
}
