// The layers of a Latte denoiser, named as in its checkpoints. B batch, N queries, M keys, D width of the model.
import { attention, fillWith, geluTanh, hasKernel, Linear, Module, Parameter, silu } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** Width of the sinusoidal projection of a timestep. */
const timestepChannels = 256;

/**
 * `[cos | sin]` of `t * 10000^(-i / divisor)` for i from 0 to 127. `timesteps`: `[B]`, may be fractional; result `[B, 256]`.
 */
export function timestepProjection(timesteps: tf.Tensor1D, divisor = timestepChannels / 2): tf.Tensor2D {
  return tf.tidy(() => {
    const half = timestepChannels / 2;
    const frequencies = Float32Array.from({ length: half }, (_, i) => Math.exp((-Math.log(10000) * i) / divisor));
    const angles = tf.mul(tf.reshape(timesteps, [-1, 1]), tf.tensor(frequencies, [1, half])); // [B, 128]
    return tf.concat([tf.cos(angles), tf.sin(angles)], 1) as tf.Tensor2D;
  });
}

/** `linear_1`, SiLU, `linear_2`. */
export class TimestepEmbedding extends Module {
  readonly linear_1: Linear;
  readonly linear_2: Linear;

  constructor(width: number) {
    super();
    this.linear_1 = new Linear({ in: timestepChannels, out: width });
    this.linear_2 = new Linear({ in: width, out: width });
  }

  /** `projection`: `[B, 256]`; result `[B, D]`. */
  forward(projection: tf.Tensor2D): tf.Tensor2D {
    return tf.tidy(() => this.linear_2.forward(silu(this.linear_1.forward(projection))) as tf.Tensor2D);
  }
}

class TimestepEmbeddings extends Module {
  readonly timestep_embedder: TimestepEmbedding;

  constructor(width: number) {
    super();
    this.timestep_embedder = new TimestepEmbedding(width);
  }
}

/** What the timestep tells the blocks. */
export interface Modulation {
  /** `[B, D]`, for the final layer. */
  readonly embedded: tf.Tensor2D;
  /** `[B, 6, D]`, for every block: shift, scale and gate of the attention, then of the MLP. */
  readonly perBlock: tf.Tensor3D;
}

/** adaLN-single (PixArt-alpha, arXiv 2310.00426, section 2.3): one projection of the timestep for all blocks. */
export class AdaLayerNormSingle extends Module {
  readonly emb: TimestepEmbeddings;
  readonly linear: Linear;

  constructor(width: number) {
    super();
    this.emb = new TimestepEmbeddings(width);
    this.linear = new Linear({ in: width, out: 6 * width });
  }

  /**
   * `timesteps`: `[B]`; `extra`: `[B, D]`, added to the embedded timestep before anything reads it. The caller owns both
   * results.
   */
  forward(timesteps: tf.Tensor1D, extra?: tf.Tensor2D): Modulation {
    const [embedded, perBlock] = tf.tidy(() => {
      const fromTime = this.emb.timestep_embedder.forward(timestepProjection(timesteps));
      const sum = extra === undefined ? fromTime : tf.add(fromTime, extra);
      const modulation = this.linear.forward(silu(sum)); // [B, 6 * D]
      return [sum, tf.reshape(modulation, [fromTime.shape[0], 6, fromTime.shape[1]])];
    }) as [tf.Tensor2D, tf.Tensor3D];
    return { embedded, perBlock };
  }

  /** Zero, so that a model trained from scratch starts with the blocks' own tables alone. */
  override resetParameters(): void {
    fillWith(this.linear.weight, 0);
    if (this.linear.bias !== null) fillWith(this.linear.bias, 0);
  }
}

/** Two linear layers from the text encoder's width to the model's. */
export class CaptionProjection extends Module {
  readonly linear_1: Linear;
  readonly linear_2: Linear;
  /** Stored in the reference's checkpoints; nothing reads it. */
  readonly y_embedding: Parameter;

  constructor(options: { readonly in: number; readonly width: number }) {
    super();
    this.linear_1 = new Linear({ in: options.in, out: options.width });
    this.linear_2 = new Linear({ in: options.width, out: options.width });
    this.y_embedding = new Parameter([120, options.in], { trainable: false });
  }

  /** `text`: `[..., W]`; result `[..., D]`. */
  forward(text: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.linear_2.forward(geluTanh(this.linear_1.forward(text))));
  }
}

/** Keys and values of one text, ready for any number of queries. */
export interface KeysValues {
  /** `[..., M, D]`. */
  readonly keys: tf.Tensor;
  /** `[..., M, D]`. */
  readonly values: tf.Tensor;
}

/** Multi-head attention with biases on all four projections. */
export class Attention extends Module {
  readonly to_q: Linear;
  readonly to_k: Linear;
  readonly to_v: Linear;
  readonly to_out: readonly [Linear];
  readonly #heads: number;

  constructor(options: { readonly width: number; readonly heads: number }) {
    super();
    const { width } = options;
    this.to_q = new Linear({ in: width, out: width });
    this.to_k = new Linear({ in: width, out: width });
    this.to_v = new Linear({ in: width, out: width });
    this.to_out = [new Linear({ in: width, out: width })];
    this.#heads = options.heads;
  }

  /** `context`: `[..., M, D]`. */
  keysValues(context: tf.Tensor): KeysValues {
    return { keys: this.to_k.forward(context), values: this.to_v.forward(context) };
  }

  /** `q`: `[B, N, D]`, projected; `keys`, `values`: `[B, M, D]`; `bias`: `[B, M]`. Result `[B, N, D]`, not yet projected. */
  mix(q: tf.Tensor3D, keys: tf.Tensor3D, values: tf.Tensor3D, bias?: tf.Tensor2D): tf.Tensor3D {
    return chunkedAttention(q, keys, values, { heads: this.#heads, bias });
  }

  /** Self-attention. `x`: `[B, N, D]`; same shape. */
  forward(x: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => {
      const { keys, values } = this.keysValues(x);
      const mixed = this.mix(this.to_q.forward(x) as tf.Tensor3D, keys as tf.Tensor3D, values as tf.Tensor3D);
      return this.to_out[0].forward(mixed) as tf.Tensor3D;
    });
  }
}

/** Scores kept at a time where attention is not one kernel: 256 MiB of float32. */
const scoreLimit = 2 ** 26;

/**
 * Attention over groups of queries, so that no more than `limit` scores exist at once. A backend with an attention kernel
 * of its own, which never holds the scores, is given everything at once. Shapes as in core's `attention`.
 */
export function chunkedAttention(
  q: tf.Tensor3D, // [B, N, D]
  keys: tf.Tensor3D, // [B, M, D]
  values: tf.Tensor3D, // [B, M, D]
  options: {
    readonly heads: number;
    /** `[B, M]`. */
    readonly bias?: tf.Tensor2D | undefined;
    /** Scores, not bytes. Default 2^26. */
    readonly limit?: number;
  },
): tf.Tensor3D {
  const { heads, bias, limit = scoreLimit } = options;
  const [batch, queries, width] = q.shape;
  const scoresPerQuery = batch * heads * keys.shape[1];
  const chunk = Math.max(1, Math.floor(limit / scoresPerQuery));
  if (chunk >= queries || hasKernel("nn.Attention")) return attention(q, keys, values, { heads, bias });
  return tf.tidy(() => {
    const parts: tf.Tensor3D[] = [];
    for (let start = 0; start < queries; start += chunk) {
      const some = tf.slice(q, [0, start, 0], [batch, Math.min(chunk, queries - start), width]);
      parts.push(attention(some, keys, values, { heads, bias }));
    }
    return tf.concat(parts, 1);
  });
}

class GeluProjection extends Module {
  readonly proj: Linear;

  constructor(width: number) {
    super();
    this.proj = new Linear({ in: width, out: 4 * width });
  }
}

/** Linear to four times the width, GELU, linear back. */
export class FeedForward extends Module {
  readonly net: readonly [GeluProjection, undefined, Linear];

  constructor(width: number) {
    super();
    // The hole is a dropout layer in the checkpoint's numbering.
    this.net = [new GeluProjection(width), undefined, new Linear({ in: 4 * width, out: width })];
  }

  /** `x`: `[..., D]`; same shape. */
  forward(x: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.net[2].forward(geluTanh(this.net[0].proj.forward(x))));
  }
}
