// Pieces of the losses of Gaussian diffusion. Everything is elementwise on `[B, S, h, w, C]` or a mean to `[B]`.
import { withGradient } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** `[B]` to `[B, 1, 1, 1, 1]`, to be broadcast over latents. */
export function perItem(factor: tf.Tensor): tf.Tensor5D {
  return tf.reshape(factor, [-1, 1, 1, 1, 1]);
}

/** Mean over all axes but the batch: `[B]`. */
export function meanPerItem(x: tf.Tensor): tf.Tensor1D {
  return tf.mean(
    x,
    x.shape.slice(1).map((_, i) => i + 1),
  );
}

/** The same value; nothing flows back through it. */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  return withGradient([x], (value) => ({
    value: tf.clone(value),
    saved: [],
    gradient: (dy) => tf.zerosLike(dy),
  })) as T;
}

/** KL divergence in nats between two diagonal Gaussians, elementwise. */
export function gaussianKl(
  p: { readonly mean: tf.Tensor; readonly logVariance: tf.Tensor },
  q: { readonly mean: tf.Tensor; readonly logVariance: tf.Tensor },
): tf.Tensor {
  return tf.tidy(() => {
    const spread = tf.sub(tf.sub(q.logVariance, p.logVariance), 1);
    const ratio = tf.exp(tf.sub(p.logVariance, q.logVariance));
    const distance = tf.mul(tf.square(tf.sub(p.mean, q.mean)), tf.exp(tf.neg(q.logVariance)));
    return tf.mul(tf.add(tf.add(spread, ratio), distance), 0.5);
  });
}

/** Smallest probability whose logarithm is taken. */
const smallest = 1e-12;

/**
 * Log likelihood in nats of `x`, values on a grid of 1/127.5 in [-1, 1], under Gaussians that are integrated over the grid's
 * cells; the outermost cells reach to infinity (DDPM, arXiv 2006.11239, equation 13, as improved diffusion codes it).
 */
export function discretizedGaussianLogLikelihood(
  x: tf.Tensor,
  mean: tf.Tensor,
  logScale: tf.Tensor, // half the log variance
): tf.Tensor {
  return tf.tidy(() => {
    const centred = tf.sub(x, mean);
    const inverse = tf.exp(tf.neg(logScale));
    const above = approximateNormalCdf(tf.mul(inverse, tf.add(centred, 1 / 255)));
    const below = approximateNormalCdf(tf.mul(inverse, tf.sub(centred, 1 / 255)));
    const log = (probability: tf.Tensor) => tf.log(tf.maximum(probability, smallest));
    const inner = tf.where(tf.greater(x, 0.999), log(tf.sub(1, below)), log(tf.sub(above, below)));
    return tf.where(tf.less(x, -0.999), log(above), inner);
  });
}

/** `0.5 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`. */
function approximateNormalCdf(x: tf.Tensor): tf.Tensor {
  const cubic = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
  return tf.mul(tf.add(tf.tanh(tf.mul(tf.add(x, cubic), Math.sqrt(2 / Math.PI))), 1), 0.5);
}
