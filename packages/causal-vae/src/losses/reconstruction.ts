// How far a reconstruction is from its clip, and a posterior from the standard normal distribution.
import * as tf from "@tensorflow/tfjs";
import type { Posterior } from "../posterior.js";

/** Sums over one set of clips: what the training loss is made of. */
export interface ReconstructionSums {
  /** Of `|x - y|`. */
  readonly absolute: tf.Scalar;
  /** Of `(x - y)^2`. */
  readonly squared: tf.Scalar;
}

/** `video`, `reconstruction`: `[B, T, H, W, 3]`. */
export function reconstructionSums(video: tf.Tensor5D, reconstruction: tf.Tensor5D): ReconstructionSums {
  const difference = tf.sub(video, reconstruction);
  return { absolute: tf.sum(tf.abs(difference)), squared: tf.sum(tf.square(difference)) };
}

/** KL divergence to the standard normal of each latent value: `(mean^2 + exp(logvar) - 1 - logvar) / 2`. */
export function klTerms({ mean, logvar }: Pick<Posterior, "mean" | "logvar">): tf.Tensor5D {
  return tf.tidy(() => {
    const terms = tf.sub(tf.add(tf.square(mean), tf.exp(logvar)), tf.add(logvar, 1));
    return tf.mul<tf.Tensor5D>(terms, 0.5);
  });
}

/** The sum of `klTerms`. */
export function klSum(distribution: Pick<Posterior, "mean" | "logvar">): tf.Scalar {
  return tf.tidy(() => tf.sum<tf.Scalar>(klTerms(distribution)));
}

/** The reference's KL term: `klSum` for one clip, averaged over the batch. */
export function klPerClip(distribution: Pick<Posterior, "mean" | "logvar">): tf.Scalar {
  return tf.tidy(() => tf.div<tf.Scalar>(klSum(distribution), distribution.mean.shape[0]));
}

/**
 * The reference's reconstruction term, for one frame: `sum(|x - y| + p)` over a frame's values, averaged over frames.
 * A frame's perceptual distance `p` `[B * T]` is added to each of its values, so it weighs `H * W * 3` times.
 */
export function nllPerFrame(
  video: tf.Tensor5D, // [B, T, H, W, 3]
  reconstruction: tf.Tensor5D, // [B, T, H, W, 3]
  perceptual?: tf.Tensor1D, // [B * T]
): tf.Scalar {
  return tf.tidy(() => {
    const [batch, time, height, width, channels] = video.shape;
    const { absolute } = reconstructionSums(video, reconstruction);
    const sum =
      perceptual === undefined ? absolute : tf.add(absolute, tf.mul(tf.sum(perceptual), height * width * channels));
    return tf.div<tf.Scalar>(sum, batch * time);
  });
}
