// Weights that are constants are lowered in ways of their own; the numbers must be those of weights that are inputs.
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { compile } from "../src/index.js";
import { conv3dCausal } from "./fused.js";
import { sample } from "./conformance.js";

await tf.setBackend("cpu");

async function difference(x: tf.Tensor, filter: tf.Variable, bias: tf.Variable): Promise<number> {
  const fn = ({ x }: Readonly<Record<string, tf.Tensor>>) => ({ y: conv3dCausal(x!, filter, { bias }) });
  const results: tf.Tensor[] = [];
  for (const weights of ["input", "constant"] as const) {
    const compiled = compile(fn, { weights });
    results.push((await compiled.run({ x }))["y"]!);
    compiled.dispose();
  }
  const [a, b] = results as [tf.Tensor, tf.Tensor];
  expect(a.shape).toEqual(b.shape);
  return tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;
}

describe("constant weights", () => {
  it.each([
    ["one clip", [1, 5, 6, 7, 8], [3, 3, 3, 8, 8]],
    ["several clips", [2, 4, 6, 7, 8], [3, 3, 3, 8, 16]],
    ["a still", [2, 1, 6, 7, 8], [3, 3, 3, 8, 8]],
    ["many outputs", [1, 3, 6, 7, 4], [3, 3, 3, 4, 12]],
  ])("convolve %s over time as inputs do", async (_, shape, filterShape) => {
    const filter = tf.variable(tf.mul(sample(filterShape, 2), 0.1));
    const bias = tf.variable(sample([filterShape[4]!], 3));
    // Sums of up to 216 products in another order.
    expect(await difference(sample(shape), filter, bias)).toBeLessThan(1e-5);
  });

  it("convolve long clips in pieces", async () => {
    // 11 frames of 1 MiB: two pieces.
    const filter = tf.variable(tf.mul(sample([3, 3, 3, 4, 16], 2), 0.1));
    const bias = tf.variable(sample([16], 3));
    expect(await difference(sample([1, 11, 128, 128, 4]), filter, bias)).toBeLessThan(1e-5);
  });
});
