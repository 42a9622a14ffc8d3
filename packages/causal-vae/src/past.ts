// What lies before the frames that a layer is given: nothing, or the end of the piece of the clip that ran before.
import * as tf from "@tensorflow/tfjs";
import { sliceFrames } from "./frames.js";

/** The frames before a piece of a clip, for each layer that looks back. */
export interface Past {
  /** True for the first piece of a clip. */
  readonly first: boolean;
  /**
   * `x` with the `count` frames before it in front. Layers call this in the same order for every piece; the last
   * `count` frames of the result are kept for the next piece.
   */
  extend(x: tf.Tensor5D, count: number): tf.Tensor5D;
}

/** A whole clip: copies of its first frame stand for what came before. */
export const wholeClip: Past = {
  first: true,
  extend: (x, count) => tf.tidy(() => repeatFirst(x, count)),
};

/** A piece of a clip. Of the first, `kept` is empty; of every other, the `next` of the piece before it. */
export class PiecePast implements Past {
  readonly first: boolean;
  readonly next: tf.Tensor5D[] = [];
  readonly #kept: readonly tf.Tensor5D[];

  constructor(kept: readonly tf.Tensor5D[]) {
    this.first = kept.length === 0;
    this.#kept = kept;
  }

  extend(x: tf.Tensor5D, count: number): tf.Tensor5D {
    const kept = this.#kept[this.next.length];
    const extended = kept === undefined ? repeatFirst(x, count) : tf.concat([kept, x], 1);
    // Kept, because layers run inside tf.tidy; whoever made this object owns them.
    this.next.push(tf.keep(sliceFrames(extended, extended.shape[1] - count, count)));
    return extended;
  }
}

function repeatFirst(x: tf.Tensor5D, count: number): tf.Tensor5D {
  const frame = sliceFrames(x, 0, 1);
  return tf.concat([...Array.from({ length: count }, () => frame), x], 1); // [B, count + T, H, W, C]
}
