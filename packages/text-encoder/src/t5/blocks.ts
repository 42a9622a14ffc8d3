// The parts of a T5 v1.1 encoder. B batch, L tokens, D model width, H heads, K head width, F feed-forward width.
import { drawNormal, Embedding, fillWith, geluTanh, Linear, Module, Parameter } from "@noisereel/core";
import type { Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { T5Config } from "./config.js";
import { positionBuckets } from "./position-buckets.js";

/** Scales by the root of the mean square over the last axis; subtracts no mean, adds no bias. */
export class T5LayerNorm extends Module {
  /** `[D]`, 1 at first. */
  readonly weight: Parameter;
  readonly #epsilon: number;

  constructor(config: T5Config) {
    super();
    this.weight = new Parameter([config.d_model], { fill: 1 });
    this.#epsilon = config.layer_norm_epsilon;
  }

  /** `x`: `[B, L, D]`; same shape. */
  forward(x: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => {
      const meanSquare = tf.mean(tf.mul(x, x), -1, true); // [B, L, 1]
      const normalised = tf.mul(x, tf.rsqrt(tf.add(meanSquare, this.#epsilon)));
      return tf.mul(normalised, this.weight.variable);
    });
  }

  override resetParameters(): void {
    fillWith(this.weight, 1);
  }
}

/** Attention of every token to every real one, with a learned bias for each distance and no scaling of the scores. */
export class T5Attention extends Module {
  readonly q: Linear;
  readonly k: Linear;
  readonly v: Linear;
  readonly o: Linear;
  /** `[buckets, H]`; only in the first block, whose biases all blocks use. */
  readonly relative_attention_bias: Embedding | null;
  readonly #config: T5Config;

  constructor(config: T5Config, options: { readonly hasPositionBias: boolean }) {
    super();
    const inner = config.num_heads * config.d_kv;
    this.q = new Linear({ in: config.d_model, out: inner, bias: false });
    this.k = new Linear({ in: config.d_model, out: inner, bias: false });
    this.v = new Linear({ in: config.d_model, out: inner, bias: false });
    this.o = new Linear({ in: inner, out: config.d_model, bias: false });
    this.relative_attention_bias = options.hasPositionBias
      ? new Embedding({ rows: config.relative_attention_num_buckets, width: config.num_heads })
      : null;
    this.#config = config;
  }

  /** `x`: `[B, L, D]`; `bias`: `[B, H, L, L]`, added to the scores `[B, H, query, key]`; result `[B, L, D]`. */
  forward(x: tf.Tensor3D, bias: tf.Tensor4D): tf.Tensor3D {
    return tf.tidy(() => {
      const { num_heads: heads, d_kv: headWidth } = this.#config;
      const [batch, length] = x.shape;
      const split = (projection: Linear): tf.Tensor3D => {
        const byToken = tf.reshape(projection.forward(x), [batch, length, heads, headWidth]); // [B, L, H, K]
        return tf.reshape(tf.transpose(byToken, [0, 2, 1, 3]), [batch * heads, length, headWidth]); // [B*H, L, K]
      };
      const products = tf.matMul(split(this.q), split(this.k), false, true); // [B*H, L, L]
      const scores = tf.add(tf.reshape(products, [batch, heads, length, length]), bias); // [B, H, L, L]
      const weights = tf.reshape(tf.softmax(scores), [batch * heads, length, length]) as tf.Tensor3D;
      const mixed = tf.reshape(tf.matMul(weights, split(this.v)), [batch, heads, length, headWidth]);
      const together = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, length, heads * headWidth]);
      return this.o.forward(together) as tf.Tensor3D; // [B, L, D]
    });
  }

  /** The biases of all pairs of positions, `[1, H, L, L]`. Only the first block's attention has them. */
  positionBias(length: number): tf.Tensor4D {
    const table = this.relative_attention_bias;
    if (table === null) throw new Error("positionBias was called on a block without relative_attention_bias");
    return tf.tidy(() => {
      const { num_heads: heads, relative_attention_num_buckets: buckets } = this.#config;
      const maxDistance = this.#config.relative_attention_max_distance;
      const indices = tf.tensor1d(positionBuckets(length, { buckets, maxDistance }), "int32");
      const byPair = tf.reshape(table.forward(indices), [1, length, length, heads]); // [1, query, key, H]
      return tf.transpose(byPair, [0, 3, 1, 2]) as tf.Tensor4D; // [1, H, query, key]
    });
  }

  /** T5's own scheme: queries are drawn smaller, since the scores are not scaled. */
  override resetParameters(rng: Rng): void {
    const { d_model: width, d_kv: headWidth, num_heads: heads } = this.#config;
    drawNormal(this.q.weight, (width * headWidth) ** -0.5, rng.fork("q"));
    drawNormal(this.k.weight, width ** -0.5, rng.fork("k"));
    drawNormal(this.v.weight, width ** -0.5, rng.fork("v"));
    drawNormal(this.o.weight, (heads * headWidth) ** -0.5, rng.fork("o"));
    if (this.relative_attention_bias !== null) {
      drawNormal(this.relative_attention_bias.weight, width ** -0.5, rng.fork("bias"));
    }
  }
}

/** `wo(gelu(wi_0 x) * wi_1 x)` (Shazeer, "GLU variants improve transformer", arXiv 2002.05202). */
export class T5DenseGatedGelu extends Module {
  readonly wi_0: Linear;
  readonly wi_1: Linear;
  readonly wo: Linear;

  constructor(config: T5Config) {
    super();
    this.wi_0 = new Linear({ in: config.d_model, out: config.d_ff, bias: false });
    this.wi_1 = new Linear({ in: config.d_model, out: config.d_ff, bias: false });
    this.wo = new Linear({ in: config.d_ff, out: config.d_model, bias: false });
  }

  /** `x`: `[B, L, D]`; same shape. */
  forward(x: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => {
      const gated = tf.mul(geluTanh(this.wi_0.forward(x)), this.wi_1.forward(x)); // [B, L, F]
      return this.wo.forward(gated) as tf.Tensor3D;
    });
  }

  override resetParameters(rng: Rng): void {
    const [inner, width] = this.wi_0.weight.shape as [number, number];
    drawNormal(this.wi_0.weight, width ** -0.5, rng.fork("wi_0"));
    drawNormal(this.wi_1.weight, width ** -0.5, rng.fork("wi_1"));
    drawNormal(this.wo.weight, inner ** -0.5, rng.fork("wo"));
  }
}

class T5LayerSelfAttention extends Module {
  readonly SelfAttention: T5Attention;
  readonly layer_norm: T5LayerNorm;

  constructor(config: T5Config, options: { readonly hasPositionBias: boolean }) {
    super();
    this.SelfAttention = new T5Attention(config, options);
    this.layer_norm = new T5LayerNorm(config);
  }

  /** `x`: `[B, L, D]`; `bias`: `[B, H, L, L]`. */
  forward(x: tf.Tensor3D, bias: tf.Tensor4D): tf.Tensor3D {
    return tf.tidy(() => tf.add(x, this.SelfAttention.forward(this.layer_norm.forward(x), bias)));
  }
}

class T5LayerFeedForward extends Module {
  readonly DenseReluDense: T5DenseGatedGelu;
  readonly layer_norm: T5LayerNorm;

  constructor(config: T5Config) {
    super();
    this.DenseReluDense = new T5DenseGatedGelu(config);
    this.layer_norm = new T5LayerNorm(config);
  }

  /** `x`: `[B, L, D]`. */
  forward(x: tf.Tensor3D): tf.Tensor3D {
    return tf.tidy(() => tf.add(x, this.DenseReluDense.forward(this.layer_norm.forward(x))));
  }
}

/** Self-attention, then feed-forward, each normalised before and added to its input. */
export class T5Block extends Module {
  readonly layer: readonly [T5LayerSelfAttention, T5LayerFeedForward];

  constructor(config: T5Config, options: { readonly hasPositionBias: boolean }) {
    super();
    this.layer = [new T5LayerSelfAttention(config, options), new T5LayerFeedForward(config)];
  }

  /** `x`: `[B, L, D]`; `bias`: `[B, H, L, L]`. */
  forward(x: tf.Tensor3D, bias: tf.Tensor4D): tf.Tensor3D {
    return tf.tidy(() => this.layer[1].forward(this.layer[0].forward(x, bias)));
  }
}
