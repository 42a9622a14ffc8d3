// Golden arrays: from stored tensors, to tfjs, and between PyTorch's layout and ours.
import { permute, ShapeError, type StoredTensor, toFloat32 } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { GoldenArray } from "./types.js";

/** F64 and I32 keep their precision, everything else becomes float32. */
export function toGoldenArray(stored: StoredTensor): GoldenArray {
  const { shape, dtype, bytes } = stored;
  if (dtype === "F64") return { shape, data: new Float64Array(bytes.slice().buffer) };
  if (dtype === "I32") return { shape, data: new Int32Array(bytes.slice().buffer) };
  return { shape, data: toFloat32(stored) };
}

/** `[B, C, T, H, W]` to `[B, T, H, W, C]`, `[B, C, H, W]` to `[B, H, W, C]`. */
export function channelsLast(array: GoldenArray): GoldenArray {
  const rank = array.shape.length;
  checkRank(rank);
  return transposed(array, [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1]);
}

/** The inverse of `channelsLast`. */
export function channelsFirst(array: GoldenArray): GoldenArray {
  const rank = array.shape.length;
  checkRank(rank);
  return transposed(array, [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)]);
}

/** Axis `i` of the result is axis `axes[i]` of `array`. */
export function transposed(array: GoldenArray, axes: readonly number[]): GoldenArray {
  const shape = axes.map((axis) => array.shape[axis]!);
  return { shape, data: permute(Float32Array.from(array.data), array.shape, axes) };
}

/** A tensor on the active backend: int32 for integer arrays, float32 otherwise. */
export function toTensor(array: GoldenArray): tf.Tensor {
  return array.data instanceof Int32Array
    ? tf.tensor(array.data, [...array.shape], "int32")
    : tf.tensor(Float32Array.from(array.data), [...array.shape], "float32");
}

export async function fromTensor(tensor: tf.Tensor): Promise<GoldenArray> {
  const data = (await tensor.data()).slice() as Float32Array | Int32Array;
  return { shape: tensor.shape, data };
}

function checkRank(rank: number): void {
  if (rank < 3) throw new ShapeError(`array has ${rank} axes; changing the place of the channels needs at least 3`);
}
