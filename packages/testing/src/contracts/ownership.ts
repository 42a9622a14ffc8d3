// Who owns which tensor, and where randomness comes from: checks that all contract suites share.
import * as tf from "@tensorflow/tfjs";
import { assert } from "./executor-tools.js";

/** Runs `work` and asserts that there are `expected` tensors more afterwards. */
export async function keepsTensors<T>(expected: number, work: () => T | Promise<T>): Promise<T> {
  const before = tf.memory().numTensors;
  const result = await work();
  const kept = tf.memory().numTensors - before;
  assert(kept === expected, `${kept} tensors are left, expected ${expected}: dispose the others, or wrap in tf.tidy`);
  return result;
}

/** Runs `work` while `Math.random`, which `tf.randomNormal` and its like start from, throws. */
export async function withoutGlobalRandomness<T>(work: () => Promise<T>): Promise<T> {
  const { random } = Math;
  Math.random = () => {
    throw new Error("Math.random was called; draw from the Rng that is given");
  };
  try {
    return await work();
  } finally {
    Math.random = random;
  }
}

export function valuesOf(x: tf.Tensor): readonly number[] {
  return Array.from(x.dataSync());
}

/** The largest difference of two tensors of one shape. */
export function largestDifference(a: tf.Tensor, b: tf.Tensor): number {
  assert(a.shape.join() === b.shape.join(), `shapes [${a.shape.join()}] and [${b.shape.join()}] differ`);
  const [x, y] = [valuesOf(a), valuesOf(b)];
  // NaN compares as a difference without bound, which Math.max keeps.
  return x.reduce((largest, value, i) => Math.max(largest, Math.abs(value - y[i]!)), 0);
}
