// The diagonal Gaussian that the encoder predicts.
import type { Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

export interface Posterior {
  readonly mean: tf.Tensor5D; // [B, T', h, w, z]
  /** Natural logarithm of the variance, clamped to [-30, 20]. */
  readonly logvar: tf.Tensor5D; // [B, T', h, w, z]
  readonly std: tf.Tensor5D; // [B, T', h, w, z]
}

/** Splits `[B, T', h, w, 2 * z]` into mean and log variance. The caller owns all three tensors. */
export function posterior(moments: tf.Tensor5D): Posterior {
  const [batch, time, height, width, channels] = moments.shape;
  const half = channels / 2;
  const part = (index: number): tf.Tensor5D =>
    tf.slice<tf.Rank.R5, tf.Tensor5D>(moments, [0, 0, 0, 0, index * half], [batch, time, height, width, half]);
  const mean = part(0);
  const logvar = tf.tidy(() => tf.clipByValue<tf.Tensor5D>(part(1), -30, 20));
  const std = tf.tidy(() => tf.exp<tf.Tensor5D>(tf.mul(logvar, 0.5)));
  return { mean, logvar, std };
}

/** `mean + std * noise`; `noise` is standard normal and of the mean's shape. */
export function samplePosterior({ mean, std }: Posterior, noise: tf.Tensor5D): tf.Tensor5D {
  return tf.tidy(() => tf.add(mean, tf.mul(std, noise)));
}

/** Minus the logarithm of the posterior's density at `sample`, for each value. */
export function negativeLogDensity({ mean, logvar }: Posterior, sample: tf.Tensor5D): tf.Tensor5D {
  return tf.tidy(() => {
    const scaled = tf.mul(tf.square(tf.sub(sample, mean)), tf.exp(tf.neg(logvar)));
    return tf.mul<tf.Tensor5D>(tf.add(tf.add(scaled, logvar), Math.log(2 * Math.PI)), 0.5);
  });
}

/** The latents of `moments` for a denoiser: the mean, or one sample when `rng` is given, times `scale`. */
export function scaledLatents(moments: tf.Tensor5D, scale: number, rng: Rng | undefined): tf.Tensor5D {
  return tf.tidy(() => {
    const distribution = posterior(moments);
    const latents =
      rng === undefined
        ? distribution.mean
        : samplePosterior(distribution, rng.normal(distribution.mean.shape) as tf.Tensor5D);
    return tf.mul(latents, scale);
  });
}
