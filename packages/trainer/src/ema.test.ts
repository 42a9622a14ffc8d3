import { createRng, initialize } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fingerprint, Perceptron } from "../test/tiny-task.js";
import { ema, withEma } from "./ema.js";

/** A module whose weights are all `value`. */
function constantModule(value: number): Perceptron {
  const module = new Perceptron();
  fill(module, value);
  return module;
}

function fill(module: Perceptron, value: number): void {
  for (const [, parameter] of module.namedParameters()) {
    tf.tidy(() => parameter.variable.assign(tf.fill([...parameter.shape], value)));
  }
}

test("the average equals its closed form", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 8 }),
      fc.constantFrom(0.5, 0.9, 0.9999),
      fc.boolean(),
      (values, decay, warmUp) => {
        const model = constantModule(0.25);
        const average = ema({ model }, { decay, warmUp });
        let expected = 0.25;
        for (const [index, value] of values.entries()) {
          fill(model, value);
          const used = average.decayAt(index + 1);
          tf.tidy(() => average.update(tf.scalar(1 - used)));
          expected = used * expected + (1 - used) * value;
        }
        average.swap();
        // Float32 rounding of at most 8 updates of numbers up to 1.
        expect(model.out.weight.variable.dataSync()[0]).toBeCloseTo(expected, 6);
        average.dispose();
        model.dispose();
      },
    ),
    { numRuns: 40 },
  );
});

test("withEma puts the trained weights back, also after an error", async () => {
  const model = constantModule(1);
  const average = ema({ model });
  fill(model, 2);
  const trained = await fingerprint(model);
  expect(await withEma(average, () => model.out.weight.variable.dataSync()[0])).toBe(1);
  await expect(withEma(average, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await fingerprint(model)).toBe(trained);
});

test("copyTo fills another module with the average", async () => {
  const model = new Perceptron();
  initialize(model, createRng(1));
  const average = ema({ model });
  const start = await fingerprint(model);
  fill(model, 2);
  const other = new Perceptron();
  await average.copyTo("model", other);
  expect(await fingerprint(other)).toBe(start);
  await expect(average.copyTo("vae", other)).rejects.toThrow('key is "vae" but the average covers model');
});

test("no tensor is left behind by swapping and updating", () => {
  const model = constantModule(1);
  const average = ema({ model });
  const before = tf.memory().numTensors;
  average.swap();
  tf.tidy(() => average.update(tf.scalar(0.5)));
  average.swap();
  average.reset();
  expect(tf.memory().numTensors).toBe(before);
});

test("decays that cannot work are refused", () => {
  expect(() => ema({}, { decay: 1 })).toThrow("decay is 1; use a number from 0 to below 1");
  expect(() => ema({}, { warmUp: { power: 0 } })).toThrow("warmUp.power is 0");
});
