// Single-head attention blocks: over the positions of a frame, over the frames of a position, and the released
// model's, which mixes both by mistake and whose weights need it so.
import { attention, Module } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { CausalConv3d, ConvolutionWeights, frameConv } from "./conv.js";
import { Conv2d } from "./image.js";
import { Normalize, type NormalizeOptions } from "./normalization.js";

export interface AttentionBlockOptions {
  readonly channels: number;
  readonly normalize: NormalizeOptions;
}

/** What `AttnBlock3D` attends over. */
export type AttentionGrouping = "scrambled" | "per-frame";

/** `[B, T, H, W, C]` three times to one of the same shape. */
type Mixing = (q: tf.Tensor5D, k: tf.Tensor5D, v: tf.Tensor5D) => tf.Tensor5D;

/**
 * Attention with the released model's names. "scrambled": the arrays `[B, C, T, H*W]` are read as `[B*T, C, H*W]`
 * without moving time first, which is attention over a frame only for clips of one frame.
 */
export class AttnBlock3D extends Module {
  readonly norm: Normalize;
  readonly q: CausalConv3d;
  readonly k: CausalConv3d;
  readonly v: CausalConv3d;
  readonly proj_out: CausalConv3d;
  readonly #mixing: Mixing;

  constructor(options: AttentionBlockOptions & { readonly grouping: AttentionGrouping }) {
    super();
    const { channels } = options;
    const projection = () => new CausalConv3d({ in: channels, out: channels, kernel: [1, 1, 1] });
    this.norm = new Normalize(channels, options.normalize);
    this.q = projection();
    this.k = projection();
    this.v = projection();
    this.proj_out = projection();
    this.#mixing = options.grouping === "scrambled" ? scrambled : overPositions;
  }

  /** `x`: `[B, T, H, W, C]`; same shape. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return attend(x, this, (layer, input) => layer.forward(input), this.#mixing);
  }
}

/** The image VAE's attention over the positions of every frame. */
export class AttnBlock extends Module {
  readonly norm: Normalize;
  readonly q: Conv2d;
  readonly k: Conv2d;
  readonly v: Conv2d;
  readonly proj_out: Conv2d;

  constructor(options: AttentionBlockOptions) {
    super();
    const { channels } = options;
    const projection = () => new Conv2d({ in: channels, out: channels, kernel: [1, 1] });
    this.norm = new Normalize(channels, { ...options.normalize, statistics: "per-frame" });
    this.q = projection();
    this.k = projection();
    this.v = projection();
    this.proj_out = projection();
  }

  /** `x`: `[B, T, H, W, C]`; same shape. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return attend(x, this, (layer, input) => layer.forward(input), overPositions);
  }
}

/** Attention over all frames of each position; not causal. */
export class TemporalAttnBlock extends Module {
  readonly norm: Normalize;
  readonly q: ConvolutionWeights;
  readonly k: ConvolutionWeights;
  readonly v: ConvolutionWeights;
  readonly proj_out: ConvolutionWeights;

  constructor(options: AttentionBlockOptions) {
    super();
    const { channels } = options;
    const projection = () => new ConvolutionWeights([1, 1, 1, channels, channels]);
    this.norm = new Normalize(channels, options.normalize);
    this.q = projection();
    this.k = projection();
    this.v = projection();
    this.proj_out = projection();
  }

  /** `x`: `[B, T, H, W, C]`; same shape. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    const none = [0, 0] as const;
    return attend(
      x,
      this,
      ({ weight, bias }, input) =>
        frameConv(input, tf.squeeze(weight.variable as tf.Tensor, [0]), bias.variable as tf.Tensor1D, {
          strides: [1, 1, 1],
          pad: [none, none],
        }),
      overFrames,
    );
  }
}

/** `x + proj_out(mixing(q(norm(x)), k(norm(x)), v(norm(x))))`. */
function attend<Layer>(
  x: tf.Tensor5D,
  block: {
    readonly norm: Normalize;
    readonly q: Layer;
    readonly k: Layer;
    readonly v: Layer;
    readonly proj_out: Layer;
  },
  project: (layer: Layer, input: tf.Tensor5D) => tf.Tensor5D,
  mixing: Mixing,
): tf.Tensor5D {
  return tf.tidy(() => {
    const normed = block.norm.forward(x);
    const mixed = mixing(project(block.q, normed), project(block.k, normed), project(block.v, normed));
    return tf.add(x, project(block.proj_out, mixed));
  });
}

const overPositions: Mixing = (q, k, v) => {
  const [batch, time, height, width, channels] = q.shape;
  const rows = (x: tf.Tensor5D): tf.Tensor3D => tf.reshape(x, [batch * time, height * width, channels]);
  return tf.reshape(attention(rows(q), rows(k), rows(v), { heads: 1 }), q.shape);
};

const overFrames: Mixing = (q, k, v) => {
  const [batch, time, height, width, channels] = q.shape;
  const positions = height * width;
  const rows = (x: tf.Tensor5D): tf.Tensor3D => {
    const moved = tf.transpose(tf.reshape(x, [batch, time, positions, channels]), [0, 2, 1, 3]);
    return tf.reshape<tf.Rank.R3>(moved, [batch * positions, time, channels]); // [B*H*W, T, C]
  };
  const mixed = tf.reshape(attention(rows(q), rows(k), rows(v), { heads: 1 }), [batch, positions, time, channels]);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), q.shape);
};

const scrambled: Mixing = (q, k, v) => {
  const [batch, time, height, width, channels] = q.shape;
  if (time === 1) return overPositions(q, k, v);
  const positions = height * width;
  const groups = (x: tf.Tensor5D): tf.Tensor3D => {
    const channelsFirst = tf.transpose(tf.reshape(x, [batch, time, positions, channels]), [0, 3, 1, 2]); // [B, C, T, HW]
    const misread = tf.reshape<tf.Rank.R3>(channelsFirst, [batch * time, channels, positions]);
    return tf.transpose<tf.Tensor3D>(misread, [0, 2, 1]); // [B*T, HW, C]
  };
  const mixed = tf.transpose(attention(groups(q), groups(k), groups(v), { heads: 1 }), [0, 2, 1]);
  const channelsFirst = tf.reshape(mixed, [batch, channels, time, positions]);
  return tf.reshape(tf.transpose(channelsFirst, [0, 2, 3, 1]), q.shape);
};
