// The transformer blocks. Tokens stay [B, S, N, D] (B batch, S video frames then stills, N tokens of a frame, D width) and
// are only regrouped around an attention. Modulation is broadcast, never repeated for each token.
import { fillWith, layerNorm, Module, Parameter, recompute, type Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { Attention, FeedForward } from "./layers.js";

export interface BlockOptions {
  readonly width: number;
  readonly heads: number;
  readonly epsilon: number;
  /** Keep only the block's inputs for the gradient and compute the rest again. Default false. */
  readonly recompute?: boolean;
}

/** The text as one block's cross-attention reads it. P captions: one for all slots, or the video's and one for each still. */
export interface BlockText {
  /** `[B, P, M, D]`. */
  readonly keys: tf.Tensor4D;
  /** `[B, P, M, D]`. */
  readonly values: tf.Tensor4D;
  /** `[B, P, M]`, added to the scores of a key. */
  readonly bias: tf.Tensor3D;
}

/** Self-attention within each frame, cross-attention to the frame's caption, MLP. */
export class SpatialTextBlock extends Module {
  readonly scale_shift_table: Parameter;
  readonly attn1: Attention;
  readonly attn2: Attention;
  readonly ff: FeedForward;
  readonly #epsilon: number;
  readonly #recompute: boolean;

  constructor(options: BlockOptions) {
    super();
    this.scale_shift_table = new Parameter([6, options.width]);
    this.attn1 = new Attention(options);
    this.attn2 = new Attention(options);
    this.ff = new FeedForward(options.width);
    this.#epsilon = options.epsilon;
    this.#recompute = options.recompute ?? false;
  }

  /** `x`: `[B, S, N, D]`; `modulation`: `[B, 6, D]`; `frames`: the video's of the S slots. Same shape as `x`. */
  forward(x: tf.Tensor4D, modulation: tf.Tensor3D, text: BlockText, frames: number): tf.Tensor4D {
    if (!this.#recompute) return this.#compute(x, modulation, text, frames);
    const { keys, values, bias } = text;
    return recompute(
      (...[y, affine, k, v, mask]) =>
        this.#compute(
          y as tf.Tensor4D,
          affine as tf.Tensor3D,
          { keys: k as tf.Tensor4D, values: v as tf.Tensor4D, bias: mask as tf.Tensor3D },
          frames,
        ),
      { inputs: [x, modulation, keys, values], constants: [bias], module: this },
    );
  }

  #compute(x: tf.Tensor4D, modulation: tf.Tensor3D, text: BlockText, frames: number): tf.Tensor4D {
    return tf.tidy(() => {
      const parts = modulationParts(this.scale_shift_table, modulation);
      const attended = gated(x, parts.attention, this.#epsilon, (y) => withinFrames(this.attn1, y));
      // The reference attends to the text from the raw stream: no norm and no gate, and its weights rely on that.
      const informed = tf.add(attended, attendToText(this.attn2, attended, text, frames)) as tf.Tensor4D;
      return gated(informed, parts.mlp, this.#epsilon, (y) => this.ff.forward(y) as tf.Tensor4D);
    });
  }

  /** The block starts as the identity: gates and the text's output are zero. */
  override resetParameters(rng: Rng): void {
    resetTable(this.scale_shift_table, rng);
    const [out] = this.attn2.to_out;
    fillWith(out.weight, 0);
    if (out.bias !== null) fillWith(out.bias, 0);
  }
}

/** Self-attention and MLP: over time in every Latte, and within frames in the ones without text. */
export class SelfBlock extends Module {
  readonly scale_shift_table: Parameter;
  readonly attn1: Attention;
  readonly ff: FeedForward;
  readonly #epsilon: number;
  readonly #recompute: boolean;

  constructor(options: BlockOptions) {
    super();
    this.scale_shift_table = new Parameter([6, options.width]);
    this.attn1 = new Attention(options);
    this.ff = new FeedForward(options.width);
    this.#epsilon = options.epsilon;
    this.#recompute = options.recompute ?? false;
  }

  /** `x`: `[B, S, N, D]`; `modulation`: `[B, 6, D]`; `along`: what attends to each other. Same shape as `x`. */
  forward(x: tf.Tensor4D, modulation: tf.Tensor3D, along: "frame" | "time"): tf.Tensor4D {
    if (!this.#recompute) return this.#compute(x, modulation, along);
    return recompute((y, affine) => this.#compute(y as tf.Tensor4D, affine as tf.Tensor3D, along), {
      inputs: [x, modulation],
      module: this,
    });
  }

  #compute(x: tf.Tensor4D, modulation: tf.Tensor3D, along: "frame" | "time"): tf.Tensor4D {
    return tf.tidy(() => {
      const parts = modulationParts(this.scale_shift_table, modulation);
      const attend = along === "frame" ? withinFrames : overTime;
      const attended = gated(x, parts.attention, this.#epsilon, (y) => attend(this.attn1, y));
      return gated(attended, parts.mlp, this.#epsilon, (y) => this.ff.forward(y) as tf.Tensor4D);
    });
  }

  override resetParameters(rng: Rng): void {
    resetTable(this.scale_shift_table, rng);
  }
}

/** Each `[B, 1, 1, D]`. */
interface Affine {
  readonly shift: tf.Tensor4D;
  readonly scale: tf.Tensor4D;
  readonly gate: tf.Tensor4D;
}

function modulationParts(
  table: Parameter,
  modulation: tf.Tensor3D, // [B, 6, D]
): { readonly attention: Affine; readonly mlp: Affine } {
  const sum = tf.expandDims(tf.add(table.variable, modulation), 1); // [B, 1, 6, D]
  const [shift1, scale1, gate1, shift2, scale2, gate2] = tf.split(sum, 6, 2) as tf.Tensor4D[];
  return {
    attention: { shift: shift1!, scale: scale1!, gate: gate1! },
    mlp: { shift: shift2!, scale: scale2!, gate: gate2! },
  };
}

/** `x + gate * inner(norm(x) * (1 + scale) + shift)`. */
function gated(
  x: tf.Tensor4D, // [B, S, N, D]
  affine: Affine,
  epsilon: number,
  inner: (y: tf.Tensor4D) => tf.Tensor4D,
): tf.Tensor4D {
  const modulated = tf.add(tf.mul(layerNorm(x, epsilon), tf.add(affine.scale, 1)), affine.shift) as tf.Tensor4D;
  return tf.add(x, tf.mul(affine.gate, inner(modulated)));
}

function withinFrames(attention: Attention, y: tf.Tensor4D): tf.Tensor4D {
  const [batch, slots, tokens, width] = y.shape;
  return tf.reshape(attention.forward(tf.reshape(y, [batch * slots, tokens, width])), y.shape);
}

function overTime(attention: Attention, y: tf.Tensor4D): tf.Tensor4D {
  const [batch, frames, tokens, width] = y.shape;
  const byToken = tf.transpose(y, [0, 2, 1, 3]); // [B, N, F, D]
  const mixed = attention.forward(tf.reshape(byToken, [batch * tokens, frames, width]));
  return tf.transpose(tf.reshape(mixed, [batch, tokens, frames, width]), [0, 2, 1, 3]);
}

/** All frames that share a caption are queries of one attention, so that its keys and values exist once. */
function attendToText(attention: Attention, x: tf.Tensor4D, text: BlockText, frames: number): tf.Tensor4D {
  const [batch, slots, tokens, width] = x.shape;
  const [, captions, words] = text.keys.shape;
  const stills = slots - frames;
  const q = attention.to_q.forward(x) as tf.Tensor4D; // [B, S, N, D]
  const mix = (queries: tf.Tensor4D, first: number, count: number): tf.Tensor4D => {
    const some = <T extends tf.Tensor>(all: T): T =>
      count === captions
        ? all
        : tf.slice(all, [0, first, ...all.shape.slice(2).map(() => 0)], [batch, count, ...all.shape.slice(2)]);
    const perCaption = queries.size / (batch * count * width);
    const mixed = attention.mix(
      tf.reshape(queries, [batch * count, perCaption, width]),
      tf.reshape(some(text.keys), [batch * count, words, width]),
      tf.reshape(some(text.values), [batch * count, words, width]),
      tf.reshape(some(text.bias), [batch * count, words]),
    );
    return tf.reshape(mixed, queries.shape);
  };
  let mixed: tf.Tensor4D;
  if (captions === 1 || frames === 0) {
    mixed = mix(q, 0, captions);
  } else {
    const [video, images] = tf.split(q, [frames, stills], 1) as [tf.Tensor4D, tf.Tensor4D];
    mixed = tf.concat([mix(video, 0, 1), mix(images, captions - stills, stills)], 1);
  }
  return tf.reshape(attention.to_out[0].forward(mixed), [batch, slots, tokens, width]);
}

/** Shifts and scales are small noise as in PixArt-alpha; gates are zero, so that the block is the identity at first. */
function resetTable(table: Parameter, rng: Rng): void {
  const width = table.shape[1]!;
  const values = rng.normals(6 * width).map((value) => value / Math.sqrt(width));
  values.fill(0, 2 * width, 3 * width);
  values.fill(0, 5 * width, 6 * width);
  table.assign(values);
}
