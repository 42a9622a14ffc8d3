// A perceptual distance that needs no weights: how much of the local contrast is lost or made up, at several sizes.
import { ConfigError, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

export interface GradientPyramidOptions {
  /** Times the frames are looked at, each at half the size of the one before. Default 3. */
  readonly levels?: number;
  /**
   * Squared gradients far below this count little, in (pixel values of [-1, 1])^2. Default 0.0105, the constant of
   * gradient magnitude similarity (Xue et al., arXiv 1308.3052: 170 for bytes).
   */
  readonly contrast?: number;
}

/**
 * With `a`, `b` the gradients (Prewitt's filters, each colour by itself) of two frames at a position, the mean over
 * positions, colours and levels of `|a - b|^2 / (|a|^2 + |b|^2 + contrast)`: 0 for equal frames, towards 1 where one
 * has structure and the other none, towards 2 where edges are reversed. It is one minus a similarity of gradients as in
 * GMSD (arXiv 1308.3052), with vectors for their lengths, so that it has no root and a bounded gradient.
 */
export class GradientPyramid {
  readonly #levels: number;
  readonly #contrast: number;

  constructor(options: GradientPyramidOptions = {}) {
    const { levels = 3, contrast = 170 / 127.5 ** 2 } = options;
    if (!Number.isInteger(levels) || levels < 1) throw new ConfigError(`levels is ${levels}; use an integer from 1 up`);
    if (!(contrast > 0)) throw new ConfigError(`contrast is ${contrast}; use a number above 0`);
    this.#levels = levels;
    this.#contrast = contrast;
  }

  /**
   * `x`, `y`: `[N, H, W, 3]` in [-1, 1]; result `[N]`. Levels smaller than the filters are left out; frames must be at
   * least 3 pixels each way. Runs inside gradients and traces.
   */
  distance(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor1D {
    const [count, height, width] = x.shape;
    const levels = Math.min(this.#levels, 1 + Math.floor(Math.log2(Math.min(height, width) / filterSize)));
    if (levels < 1) {
      throw new ShapeError(`frames are ${height} x ${width}; a gradient needs ${filterSize} pixels each way`);
    }
    return tf.tidy(() => {
      let [a, b] = [byColour(x), byColour(y)];
      const terms: tf.Tensor[] = [];
      for (let level = 0; level < levels; level++) {
        if (level > 0) [a, b] = [tf.avgPool(a, 2, 2, "valid"), tf.avgPool(b, 2, 2, "valid")];
        terms.push(tf.mean(tf.reshape(this.#differences(a, b), [count, -1]), 1));
      }
      return tf.div<tf.Tensor1D>(tf.addN(terms), levels);
    });
  }

  /** `a`, `b`: `[N * 3, H, W, 1]`; result `[N * 3, H - 2, W - 2, 1]`. */
  #differences(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor {
    const [before, after] = [gradients(a), gradients(b)];
    const energy = (vectors: tf.Tensor): tf.Tensor => tf.sum(tf.square(vectors), 3, true);
    const total = tf.add(tf.add(energy(before), energy(after)), this.#contrast);
    return tf.div(energy(tf.sub(before, after)), total);
  }
}

const filterSize = 3;

/** Every colour as a frame of its own: `[N, H, W, 3]` to `[N * 3, H, W, 1]`. */
function byColour(frames: tf.Tensor4D): tf.Tensor4D {
  const [count, height, width, channels] = frames.shape;
  return tf.reshape(tf.transpose(frames, [0, 3, 1, 2]), [count * channels, height, width, 1]);
}

/** Differences to the right and down: `[N, H, W, 1]` to `[N, H - 2, W - 2, 2]`. */
function gradients(frames: tf.Tensor4D): tf.Tensor4D {
  const filter: number[] = [];
  for (const row of [-1, 0, 1]) for (const column of [-1, 0, 1]) filter.push(column / filterSize, row / filterSize);
  return tf.conv2d(frames, tf.tensor4d(filter, [filterSize, filterSize, 1, 2]), 1, "valid");
}
