// The block that the reference configures for class labels. Its whole model cannot run, so nothing here is built on it; use
// `Latte` with `num_classes`. B batch, N tokens, D width.
import { Embedding, layerNorm, Linear, Module, silu } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { Attention, FeedForward, TimestepEmbedding, timestepProjection } from "./layers.js";

/** The reference divides by one less than half the projection in this block. */
const frequencyDivisor = 127;

class LabelEmbedding extends Module {
  readonly embedding_table: Embedding;

  constructor(options: { readonly classes: number; readonly width: number }) {
    super();
    this.embedding_table = new Embedding({ rows: options.classes + 1, width: options.width });
  }
}

class TimestepAndLabel extends Module {
  readonly timestep_embedder: TimestepEmbedding;
  readonly class_embedder: LabelEmbedding;

  constructor(options: { readonly classes: number; readonly width: number }) {
    super();
    this.timestep_embedder = new TimestepEmbedding(options.width);
    this.class_embedder = new LabelEmbedding(options);
  }
}

class AdaLayerNormZero extends Module {
  readonly emb: TimestepAndLabel;
  readonly linear: Linear;

  constructor(options: { readonly classes: number; readonly width: number }) {
    super();
    this.emb = new TimestepAndLabel(options);
    this.linear = new Linear({ in: options.width, out: 6 * options.width });
  }
}

/**
 * A transformer block with a timestep and label network of its own (DiT's adaLN-zero, arXiv 2212.09748), computed as the
 * reference does: the MLP reads the attention's modulated input, not a norm of the attention's result.
 */
export class ReferenceAdaLayerNormZeroBlock extends Module {
  readonly norm1: AdaLayerNormZero;
  readonly attn1: Attention;
  readonly ff: FeedForward;
  readonly #epsilon: number;

  constructor(options: {
    readonly width: number;
    readonly heads: number;
    readonly classes: number;
    readonly epsilon: number;
  }) {
    super();
    this.norm1 = new AdaLayerNormZero(options);
    this.attn1 = new Attention(options);
    this.ff = new FeedForward(options.width);
    this.#epsilon = options.epsilon;
  }

  /** `x`: `[B, N, D]`; `timesteps`: `[B]`; `labels`: `[B]`, int32, the number of classes for none. Same shape as `x`. */
  forward(x: tf.Tensor3D, timesteps: tf.Tensor1D, labels: tf.Tensor1D): tf.Tensor3D {
    return tf.tidy(() => {
      const { emb, linear } = this.norm1;
      const time = emb.timestep_embedder.forward(timestepProjection(timesteps, frequencyDivisor));
      const told = tf.add(time, emb.class_embedder.embedding_table.forward(labels)); // [B, D]
      const [batch, , width] = x.shape;
      const parts = tf.split(tf.reshape(linear.forward(silu(told)), [batch, 6, width]), 6, 1) as tf.Tensor3D[];
      const [shift1, scale1, gate1, shift2, scale2, gate2] = parts; // each [B, 1, D]
      const modulated = tf.add(tf.mul(layerNorm(x, this.#epsilon), tf.add(scale1!, 1)), shift1!);
      const attended = tf.add(x, tf.mul(gate1!, this.attn1.forward(modulated as tf.Tensor3D)));
      const again = tf.add(tf.mul(modulated, tf.add(scale2!, 1)), shift2!);
      return tf.add(attended, tf.mul(gate2!, this.ff.forward(again)));
    });
  }
}
