import { Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { adamW, chain, clipByNorm, decayWeights, scaleByAdam, scaleByRate, type UpdatePart } from "../index.js";

function apply(optimizer: ReturnType<typeof chain>, values: number[], gradient: number[], rate = 1): number[] {
  const parameter = new Parameter([values.length]);
  parameter.assign(Float32Array.from(values));
  tf.tidy(() =>
    optimizer.apply(new Map([["p", parameter]]), new Map([["p", tf.tensor1d(gradient)]]), {
      step: tf.scalar(1),
      learningRate: tf.scalar(rate),
    }),
  );
  return [...parameter.variable.dataSync()];
}

test("parts act in their order", () => {
  const close = (found: number[], expected: number[]): void =>
    expected.forEach((value, index) => expect(found[index]).toBeCloseTo(value, 5));
  // 3-4-5: clipped to a norm of 1, then the decay of 0.5 is added.
  const clipped = chain("clipped", [clipByNorm(1), decayWeights({ weightDecay: 0.5 }), scaleByRate()]);
  close(apply(clipped, [1, 2], [3, 4], 0.1), [1 - 0.1 * (0.6 + 0.5), 2 - 0.1 * (0.8 + 1)]);
  const bare = chain("bare", [scaleByRate({ groups: [{ match: () => true, learningRate: 2 }] })]);
  close(apply(bare, [1, 2], [3, 4], 0.1), [0.4, 1.2]);
});

test("adamW is its parts", () => {
  const parts = [scaleByAdam(), decayWeights({ weightDecay: 0.01 }), scaleByRate()];
  expect(apply(chain("own", parts), [1, -2], [0.3, 4], 0.1)).toEqual(apply(adamW(), [1, -2], [0.3, 4], 0.1));
});

test("a part of one's own fits in, and leaves no tensor", () => {
  const sign: UpdatePart = { name: "sign", begin: () => (update) => tf.sign(update) };
  const optimizer = chain("signs", [sign, scaleByRate()]);
  const before = tf.memory().numTensors;
  const found = apply(optimizer, [1, 2], [-3, 4], 0.5);
  expect(found).toEqual([1.5, 1.5]);
  expect(tf.memory().numTensors - before).toBe(1); // the parameter of the test
});

test("chains that cannot work are refused", () => {
  expect(() => chain("none", [])).toThrow("optimizer none has no parts; give it at least scaleByRate()");
  expect(() => chain("two", [scaleByAdam(), scaleByAdam()])).toThrow('two parts of optimizer two have slots named "m"');
  expect(() => clipByNorm(0)).toThrow("limit is 0; use a number above 0, e.g. 1");
});
