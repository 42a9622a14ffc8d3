import { createRng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { draw, fingerprint, points, regression } from "../test/tiny-task.js";
import { adamW, ema, estimate, fit, memoryStore } from "./index.js";

test("an estimate counts, times, and leaves everything as it was", async () => {
  const { task, model } = regression();
  const average = ema({ model });
  const optimizer = adamW();
  const store = memoryStore();
  const items = draw(points(8));
  const options = {
    task,
    items,
    optimizer,
    learningRate: 0.1,
    ema: average,
    totalSteps: 101,
    rng: createRng(1),
    store,
  };
  const before = await fingerprint(model);
  let looks = 0;
  const result = await estimate(options, { steps: 3, memoryBytes: () => 10 + 2 * Math.min(looks++, 1) });
  expect(result).toMatchObject({
    parameters: 33,
    bytes: { weights: 132, optimizer: 264, ema: 132, checkpoint: 528, working: 2, peak: 12 },
  });
  expect(result.secondsTotal).toBeCloseTo(result.secondsToStart + 100 * result.secondsPerStep, 10);
  expect(result.secondsPerStep).toBeGreaterThan(0);
  expect(await fingerprint(model)).toBe(before);
  average.swap();
  expect(await fingerprint(model)).toBe(before);
  for (const [, slot] of optimizer.slots())
    expect((await slot.variable.data()).every((value) => value === 0)).toBe(true);
  expect(await store.list()).toEqual([]);
  const tensors = tf.memory().numTensors;
  await estimate(options);
  expect(tf.memory().numTensors).toBe(tensors);
  // A run after an estimate is the run without it.
  const other = regression();
  await fit({ ...options, totalSteps: 4, store: memoryStore() });
  await fit({ ...options, task: other.task, ema: undefined, optimizer: adamW(), totalSteps: 4, store: memoryStore() });
  expect(await fingerprint(model)).toBe(await fingerprint(other.model));
});
