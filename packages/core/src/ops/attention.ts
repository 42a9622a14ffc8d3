// Scaled dot-product attention (Vaswani et al., arXiv 1706.03762).
import * as tf from "@tensorflow/tfjs";
import { ShapeError } from "../errors.js";
import { hasKernel, runKernel, withGradient } from "./fused.js";

export interface AttentionOptions {
  readonly heads: number;
  /** Factor on the scores. Default `1 / sqrt(width / heads)`. */
  readonly scale?: number;
  /** `[B, M]`, added to every score of a key; no gradient flows into it. */
  readonly bias?: tf.Tensor2D | undefined;
}

/**
 * `softmax(scale * q k^T + bias) v` for each head; head `h` owns channels `h * d` to `h * d + d - 1`.
 * `q`: `[B, N, heads * d]`; `k`, `v`: `[B, M, heads * d]`; result `[B, N, heads * d]`.
 */
export function attention(q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D, options: AttentionOptions): tf.Tensor3D {
  const { heads, bias } = options;
  const width = q.shape[2];
  if (width % heads !== 0)
    throw new ShapeError(`heads is ${heads} but q is ${width} wide; choose a divisor of the width`);
  const scale = options.scale ?? 1 / Math.sqrt(width / heads);
  if (!hasKernel("nn.Attention")) return composite(q, k, v, heads, scale, bias);
  return withGradient([q, k, v], (query, key, value) => ({
    value: runKernel("nn.Attention", { q: query, k: key, v: value, bias }, { heads, scale })[0]!,
    // The bias is saved too: the caller may dispose it before the gradient runs.
    saved: bias === undefined ? [query, key, value] : [query, key, value, bias],
    gradient: (dy, saved) =>
      runKernel("nn.AttentionGrad", { q: saved[0], k: saved[1], v: saved[2], bias: saved[3], dy }, { heads, scale }),
  })) as tf.Tensor3D;
}

function composite(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  heads: number,
  scale: number,
  bias: tf.Tensor2D | undefined,
): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch, queries, width] = q.shape;
    const keys = k.shape[1];
    const split = (x: tf.Tensor3D): tf.Tensor3D => {
      const byHead = tf.transpose(tf.reshape(x, [batch, x.shape[1], heads, width / heads]), [0, 2, 1, 3]);
      return tf.reshape(byHead, [batch * heads, x.shape[1], width / heads]); // [B*heads, N, d]
    };
    let scores: tf.Tensor = tf.mul(tf.matMul(split(q), split(k), false, true), scale); // [B*heads, N, M]
    if (bias !== undefined) {
      const byHead = tf.reshape(scores, [batch, heads, queries, keys]);
      scores = tf.reshape(tf.add(byHead, tf.reshape(bias, [batch, 1, 1, keys])), [batch * heads, queries, keys]);
    }
    const mixed = tf.matMul(tf.softmax(scores), split(v)); // [B*heads, N, d]
    const together = tf.transpose(tf.reshape(mixed, [batch, heads, queries, width / heads]), [0, 2, 1, 3]);
    return tf.reshape(together, [batch, queries, width]);
  });
}
