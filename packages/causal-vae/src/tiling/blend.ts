// Joining tiles: each is faded into its neighbours, cropped, and put beside them.
import * as tf from "@tensorflow/tfjs";
import { blendWeights } from "./grid.js";

/** Height or width of `[B, T, H, W, C]`. */
export type SpaceAxis = 2 | 3;

/** `later` with its first `extent` elements faded in from the last ones of `earlier`. Borrows both. */
export function fade(earlier: tf.Tensor5D, later: tf.Tensor5D, extent: number, axis: SpaceAxis): tf.Tensor5D {
  const overlap = Math.min(earlier.shape[axis], later.shape[axis], extent);
  if (overlap === 0) return tf.clone(later);
  return tf.tidy(() => {
    const weights = tf.reshape(
      tf.tensor1d(blendWeights(overlap)),
      axis === 2 ? [1, 1, overlap, 1, 1] : [1, 1, 1, overlap, 1],
    );
    const before = sliceAxis(earlier, axis, earlier.shape[axis] - overlap, overlap);
    const after = sliceAxis(later, axis, 0, overlap);
    const mixed = tf.add<tf.Tensor5D>(tf.mul(before, tf.sub(1, weights)), tf.mul(after, weights));
    const rest = later.shape[axis] - overlap;
    return rest === 0 ? mixed : tf.concat([mixed, sliceAxis(later, axis, overlap, rest)], axis);
  });
}

/** At most `size` elements from the start of an axis. */
export function crop(x: tf.Tensor5D, size: number, axis: SpaceAxis): tf.Tensor5D {
  return sliceAxis(x, axis, 0, Math.min(size, x.shape[axis]));
}

/** Elements `start .. start + size` of an axis. */
export function sliceAxis(x: tf.Tensor5D, axis: 1 | SpaceAxis, start: number, size: number): tf.Tensor5D {
  const begin: [number, number, number, number, number] = [0, 0, 0, 0, 0];
  const extent: [number, number, number, number, number] = [...x.shape];
  begin[axis] = start;
  extent[axis] = size;
  return tf.slice(x, begin, extent);
}
