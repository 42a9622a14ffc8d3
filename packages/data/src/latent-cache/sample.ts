// A latent out of a stored posterior.
import type { Rng } from "@noisereel/core";
import type { LatentPosterior } from "./shard.js";

/** Bounds of the log-variance, as in the reference's Gaussian posterior. */
const lowest = -30;
const highest = 20;

/** Mean plus standard deviation times fresh noise, in the posterior's shape and not scaled. */
export function samplePosterior(posterior: LatentPosterior, rng: Rng): Float32Array {
  const { mean, logVariance } = posterior;
  const noise = rng.normals(mean.length);
  return noise.map((value, i) => {
    const bounded = Math.min(highest, Math.max(lowest, logVariance[i]!));
    return mean[i]! + Math.exp(bounded / 2) * value;
  });
}
