import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { createRng } from "../rng.js";
import { geluTanh, silu } from "./activation.js";
import { attention } from "./attention.js";
import { layerNorm } from "./normalization.js";
import { upsampleNearest2d } from "./upsample.js";

beforeAll(() => tf.setBackend("cpu"));

const rng = createRng(11);

/** Largest relative difference of tfjs's gradient to central differences along random directions. */
function gradientError(f: (x: tf.Tensor) => tf.Tensor, shape: readonly number[]): number {
  const x = rng.fork("x").normal(shape);
  const weights = rng.fork("weights").normal(f(x).shape);
  const loss = (y: tf.Tensor) => tf.sum(tf.mul(f(y), weights)).asScalar();
  const gradient = tf.grad(loss)(x);
  const step = 1e-2;
  let worst = 0;
  for (const direction of ["a", "b", "c"].map((name) => rng.fork(name).normal(shape))) {
    const slope = tf.sum(tf.mul(gradient, direction)).dataSync()[0]!;
    const above = loss(tf.add(x, tf.mul(direction, step))).dataSync()[0]!;
    const below = loss(tf.sub(x, tf.mul(direction, step))).dataSync()[0]!;
    worst = Math.max(worst, Math.abs((above - below) / (2 * step) - slope) / Math.max(1, Math.abs(slope)));
  }
  return worst;
}

describe("ops", () => {
  it("silu and geluTanh have their textbook values", () => {
    const x = tf.tensor1d([-2, 0, 1]);
    expect([...silu(x).dataSync()].map((v) => v.toFixed(5))).toEqual(["-0.23841", "0.00000", "0.73106"]);
    expect([...geluTanh(x).dataSync()].map((v) => v.toFixed(5))).toEqual(["-0.04540", "0.00000", "0.84119"]);
  });

  it("attention weighs values by softmax of scaled scores, head by head", () => {
    const q = tf.tensor3d([1, 0, 2, 0], [1, 1, 4]);
    const k = tf.tensor3d([1, 0, 0, 0, 0, 0, 1, 0], [1, 2, 4]);
    const v = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 4]);
    const weight = (score: number) => 1 / (1 + Math.exp(-score / Math.sqrt(2)));
    const [a, b] = [weight(1), weight(-2)];
    const expected = [a + 5 * (1 - a), 2 * a + 6 * (1 - a), 3 * b + 7 * (1 - b), 4 * b + 8 * (1 - b)];
    [...attention(q, k, v, { heads: 2 }).dataSync()].forEach((y, i) => expect(y).toBeCloseTo(expected[i]!, 5));
  });

  it("attention leaves out a masked key", () => {
    const q = tf.ones([1, 1, 2]) as tf.Tensor3D;
    const k = tf.ones([1, 2, 2]) as tf.Tensor3D;
    const v = tf.tensor3d([1, 2, 30, 40], [1, 2, 2]);
    const bias = tf.tensor2d([[0, -10000]]);
    expect([...attention(q, k, v, { heads: 1, bias }).dataSync()]).toEqual([1, 2]);
  });

  it("upsampling repeats pixels", () => {
    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    const y = upsampleNearest2d(x, 2)
      .arraySync()[0]!
      .map((row) => row.flat());
    expect(y).toEqual([
      [1, 1, 2, 2],
      [1, 1, 2, 2],
      [3, 3, 4, 4],
      [3, 3, 4, 4],
    ]);
  });

  // Central differences with step 1e-2 in float32 are good to a few 1e-3.
  it.each([
    ["silu", silu, [3, 4]],
    ["geluTanh", geluTanh, [3, 4]],
    ["layerNorm", (x: tf.Tensor) => layerNorm(x, 1e-6), [3, 8]],
    ["upsample", (x: tf.Tensor) => upsampleNearest2d(x as tf.Tensor4D, 3), [2, 2, 3, 2]],
    [
      "attention",
      (x: tf.Tensor) => attention(x as tf.Tensor3D, x as tf.Tensor3D, x as tf.Tensor3D, { heads: 2 }),
      [2, 3, 4],
    ],
  ] as [string, (x: tf.Tensor) => tf.Tensor, number[]][])(
    "the gradient of %s agrees with finite differences",
    (_, f, shape) => {
      expect(gradientError(f, shape)).toBeLessThan(1e-2);
    },
  );
});
