// Normalisation over channels: layer norm without, group norm with an affine part.
import * as tf from "@tensorflow/tfjs";
import { ShapeError } from "../errors.js";
import { sizeOf } from "../shape.js";
import { hasKernel, runKernel, withGradient } from "./fused.js";

/** `(x - mean) / sqrt(variance + epsilon)` over the last axis, biased variance (Ba et al., arXiv 1607.06450). */
export function layerNorm<T extends tf.Tensor>(x: T, epsilon: number): T {
  if (!hasKernel("nn.LayerNorm")) {
    return tf.tidy(() => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const variance = tf.mean(tf.square(centred), -1, true);
      return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon))) as T;
    });
  }
  return withGradient([x], (input) => {
    const [y, mean, invStd] = runKernel("nn.LayerNorm", { x: input }, { epsilon });
    return {
      value: y!,
      saved: [input, mean!, invStd!],
      gradient: (dy, saved) => runKernel("nn.LayerNormGrad", { x: saved[0], mean: saved[1], invStd: saved[2], dy })[0]!,
    };
  }) as T;
}

/**
 * Group normalisation (Wu and He, arXiv 1803.08494): statistics over a group's channels and every spatial axis.
 * `x`: `[B, ...spatial, C]`; `scale`, `bias`: `[C]`; group `g` is a contiguous range of `C / groups` channels.
 */
export function groupNorm<T extends tf.Tensor>(
  x: T,
  scale: tf.Tensor,
  bias: tf.Tensor,
  options: { readonly groups: number; readonly epsilon: number },
): T {
  const { groups, epsilon } = options;
  const channels = x.shape.at(-1)!;
  if (channels % groups !== 0) {
    throw new ShapeError(`groups is ${groups} but x has ${channels} channels; choose a divisor of the channels`);
  }
  if (!hasKernel("nn.GroupNorm")) {
    return tf.tidy(() => {
      const batch = x.shape[0];
      const spatial = sizeOf(x.shape.slice(1, -1));
      const grouped = tf.reshape(x, [batch, spatial, groups, channels / groups]); // [B, S, G, C/G]
      const centred = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
      const variance = tf.mean(tf.square(centred), [1, 3], true); // [B, 1, G, 1]
      const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
      return tf.add(tf.mul(tf.reshape(normalised, x.shape), scale), bias) as T;
    });
  }
  return withGradient([x, scale, bias], (input, gain, offset) => {
    const inputs = { x: input, scale: gain, bias: offset };
    const [y, mean, invStd] = runKernel("nn.GroupNorm", inputs, { groups, epsilon });
    return {
      value: y!,
      saved: [input, gain, mean!, invStd!],
      gradient: (dy, saved) =>
        runKernel(
          "nn.GroupNormGrad",
          { x: saved[0], scale: saved[1], mean: saved[2], invStd: saved[3], dy },
          { groups },
        ),
    };
  }) as T;
}
