// What changes a clip's size between levels: height and width by learned convolutions, time by fixed weights.
import { Module, upsampleNearest2d } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { CausalConv3d } from "./conv.js";
import { perFrame, sliceFrames } from "./frames.js";
import { type Past, wholeClip } from "./past.js";

interface Channels {
  readonly in: number;
  readonly out: number;
}

/** Halves height and width: zeros at the right and at the bottom, then 1x3x3 with stride 2. */
export class SpatialDownsample2x extends Module {
  readonly conv: CausalConv3d;

  constructor(channels: Channels) {
    super();
    const after = [0, 1] as const;
    this.conv = new CausalConv3d({ ...channels, kernel: [1, 3, 3], strides: [1, 2, 2], pad: [after, after] });
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T, floor(H/2), floor(W/2), out]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return this.conv.forward(x);
  }
}

/** Doubles height and width: nearest neighbour, then 1x3x3. */
export class SpatialUpsample2x extends Module {
  readonly conv: CausalConv3d;

  constructor(channels: Channels) {
    super();
    const around = [1, 1] as const;
    this.conv = new CausalConv3d({ ...channels, kernel: [1, 3, 3], pad: [around, around] });
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T, 2H, 2W, out]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => this.conv.forward(perFrame(x, (frames) => upsampleNearest2d(frames, 2))));
  }
}

/** Halves the frame rate: the mean of each even frame and the two before it. */
export class TimeDownsample2x extends Module {
  /** `x`: `[B, T, H, W, C]`; result `[B, floor((T-1)/2)+1, H, W, C]`. */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() => averageOfThree(withTwoBefore(x, past)));
  }
}

/** How `TimeUpsample2x` fills the frames between. */
export type TimeUpsampling = "linear" | "causal";

/** Doubles the frame rate without weights; the first frame stays one frame. */
export class TimeUpsample2x extends Module {
  readonly #upsampling: TimeUpsampling;

  constructor(upsampling: TimeUpsampling = "linear") {
    super();
    this.#upsampling = upsampling;
  }

  /** `x`: `[B, T, H, W, C]`; result `[B, 2T-1, H, W, C]` (`2T` for a later piece of a clip). */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() => (this.#upsampling === "linear" ? linearUpsampling(x) : causalUpsampling(x, past)));
  }
}

/** Two frames before `x`, less one for a later piece: its first window begins one frame earlier. */
export function withTwoBefore(x: tf.Tensor5D, past: Past): tf.Tensor5D {
  const extended = past.extend(x, 2); // [B, 2 + T, H, W, C]
  return past.first ? extended : sliceFrames(extended, 1, extended.shape[1] - 1);
}

/** Means of frames `2i`, `2i + 1` and `2i + 2`. */
export function averageOfThree(x: tf.Tensor5D): tf.Tensor5D {
  const [batch, time, height, width, channels] = x.shape;
  const count = Math.floor((time - 3) / 2) + 1;
  const pixels = height * width * channels;
  const pairs = (start: number): tf.Tensor3D =>
    tf.reshape(sliceFrames(x, start, 2 * count), [batch, count, 2 * pixels]);
  const half = (pair: tf.Tensor3D, index: number): tf.Tensor3D =>
    tf.slice(pair, [0, 0, index * pixels], [batch, count, pixels]);
  const early = pairs(0); // frames 2i and 2i + 1
  const late = pairs(1); // frames 2i + 1 and 2i + 2
  const sum = tf.add(tf.add(half(early, 0), half(early, 1)), half(late, 1));
  return tf.reshape(tf.mul(sum, 1 / 3), [batch, count, height, width, channels]);
}

/**
 * The reference's: frames after the first are interpolated linearly with half-pixel centres, so interior weights are
 * 3/4 and 1/4, the ends are repeated, and an even frame reads the next one.
 */
export function linearUpsampling(x: tf.Tensor5D): tf.Tensor5D {
  const last = x.shape[1] - 1;
  if (last === 0) return tf.clone(x);
  const first = sliceFrames(x, 0, 1);
  const rest = sliceFrames(x, 1, last); // a[0] .. a[n-1]
  if (last === 1) return tf.concat([first, rest, rest], 1);
  const before = tf.concat([sliceFrames(rest, 0, 1), sliceFrames(rest, 0, last - 1)], 1); // a[i-1]
  const after = tf.concat([sliceFrames(rest, 1, last - 1), sliceFrames(rest, last - 1, 1)], 1); // a[i+1]
  const main = tf.mul(rest, 0.75);
  const alternating = alternate(tf.add(main, tf.mul(before, 0.25)), tf.add(main, tf.mul(after, 0.25)));
  return tf.concat([first, alternating], 1);
}

/** Looks only back: frame `2k` is frame `k`, and the frame before it is the mean of frames `k - 1` and `k`. */
export function causalUpsampling(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
  const time = x.shape[1];
  const extended = past.extend(x, 1); // [B, 1 + T, H, W, C]
  const between = tf.mul<tf.Tensor5D>(tf.add(sliceFrames(extended, 0, time), x), 0.5);
  const frames = alternate(between, x);
  return past.first ? sliceFrames(frames, 1, 2 * time - 1) : frames;
}

/** The frames of two clips in turn: `[B, T, H, W, C]` twice to `[B, 2T, H, W, C]`. */
function alternate(even: tf.Tensor5D, odd: tf.Tensor5D): tf.Tensor5D {
  const [batch, time, height, width, channels] = even.shape;
  const flat = (x: tf.Tensor5D): tf.Tensor => tf.reshape(x, [batch, time, height * width * channels]);
  return tf.reshape(tf.concat([flat(even), flat(odd)], 2), [batch, 2 * time, height, width, channels]);
}
