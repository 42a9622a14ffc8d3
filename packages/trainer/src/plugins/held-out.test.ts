import { createRng, type Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { draw, points, regression } from "../../test/tiny-task.js";
import { adamW, ema, fit, heldOutPlugin, memoryStore, train } from "../index.js";

const data = points(24);

function setUp(store = memoryStore()) {
  const { task, model } = regression(7, 0.3);
  const average = ema({ model }, { decay: 0.5 });
  const told: [number, Readonly<Record<string, number>>][] = [];
  const heldOut = heldOutPlugin({
    task,
    batches: [data.slice(16, 20), data.slice(20)],
    rng: createRng(5),
    steps: 20,
    trackers: [{ name: "test", scalars: (step, values) => void told.push([step, values]) }],
  });
  const items = (step: number, rng: Rng) => draw(data.slice(0, 16))(step, rng);
  const options = {
    task,
    items,
    optimizer: adamW(),
    learningRate: 0.02,
    ema: average,
    totalSteps: 50,
    rng: createRng(2),
    store,
  };
  return { options, heldOut, average, told, task };
}

test("the held-out loss is measured from the start, falls, and is the same each time it is asked", async () => {
  const { options, heldOut, told } = setUp();
  const again = heldOutPlugin({
    task: options.task,
    batches: [data.slice(16, 20), data.slice(20)],
    rng: createRng(5),
    steps: 20,
    name: "again",
  });
  const other = { ...again, name: "second" };
  const before = tf.memory().numTensors;
  await fit({ ...options, plugins: [heldOut, other] });
  // Two slots for each of four parameters.
  expect(tf.memory().numTensors - before).toBe(8);
  const { steps, values } = heldOut.curves()["fit"]!;
  expect(steps).toEqual([0, 20, 40, 50]);
  expect(values.at(-1)!).toBeLessThan(values[0]! / 2);
  expect(told.map(([step, { "heldOut.fit": loss }]) => [step, loss])).toEqual(
    steps.map((step, i) => [step, values[i]]),
  );
});

test("a resumed run keeps the curve, and the averaged weights can be measured", async () => {
  const first = setUp();
  for await (const { step } of train({ ...first.options, plugins: [first.heldOut], saveEvery: 30 }))
    if (step === 30) break;
  const second = setUp(first.options.store);
  await fit({ ...second.options, plugins: [second.heldOut] });
  const whole = setUp();
  const averaged = heldOutPlugin({
    ...whole,
    batches: [data.slice(16)],
    rng: createRng(5),
    steps: 20,
    ema: whole.average,
    name: "averaged",
  });
  await fit({ ...whole.options, plugins: [whole.heldOut, averaged] });
  expect(second.heldOut.curves()).toEqual(whole.heldOut.curves());
  expect(averaged.curves()["fit"]!.values.at(-1)).not.toBe(whole.heldOut.curves()["fit"]!.values.at(-1));
});

test("an empty set is refused", () => {
  const { task } = regression();
  expect(() => heldOutPlugin({ task, batches: [], rng: createRng(1), steps: 1 })).toThrow("batches is empty");
});
