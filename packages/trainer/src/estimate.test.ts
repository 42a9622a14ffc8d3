import { createRng, type Rng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { draw, fingerprint, points, regression } from "../test/tiny-task.js";
import {
  adamW,
  type Collective,
  ema,
  estimate,
  fit,
  heldOutPlugin,
  historyPlugin,
  memoryStore,
  samplesPlugin,
} from "./index.js";

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
  expect(result).toMatchObject({
    timedSteps: 3,
    sideWork: [{ name: "saving", times: 1, seconds: undefined, reason: "there is no scratch store" }],
  });
  expect(result.secondsTotal).toBe(result.secondsOfSteps);
  expect(result.secondsOfSteps).toBeGreaterThan(result.secondsToStart + 97 * result.secondsPerStep);
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

test("what a run does beside its steps is done a few times, leaves nothing, and is counted", async () => {
  const { task } = regression();
  const average = ema({ model: task.modules["model"]! });
  const heldOut = heldOutPlugin({ task, batches: [points(4)], rng: createRng(2), steps: 40, ema: average });
  const clips: string[] = [];
  const samples = samplesPlugin({
    prompts: ["a", "b"],
    steps: 50,
    ema: average,
    sample: ({ prompt }) =>
      Promise.resolve({ id: prompt, pixels: new Uint8Array(3), frames: 1, height: 1, width: 1, fps: 1 }),
    trackers: [{ name: "clips", scalars: () => undefined, clip: (_, key) => void clips.push(key) }],
  });
  const silent = { name: "silent", onStep: () => undefined };
  const scratch = memoryStore();
  const optimizer = adamW();
  const options = {
    task,
    items: draw(points(8)),
    optimizer,
    learningRate: 0.1,
    ema: average,
    totalSteps: 101,
    rng: createRng(1),
    store: memoryStore(),
    saveEvery: 25,
    plugins: [heldOut, samples, historyPlugin(), silent],
  };
  const before = await fingerprint(task.modules["model"]!);
  const result = await estimate(options, { scratch });
  expect(result.sideWork).toMatchObject([
    // Before the first step, after 40, 80 and 101.
    { name: "held-out losses", times: 4 },
    // 0, 50, 100 and 101, each with both kinds of weights.
    { name: "samples", times: 8 },
    { name: "saving", times: 5 },
    { name: "silent", times: undefined, seconds: undefined, reason: "the plugin has no sideWork()" },
  ]);
  const known = result.sideWork.slice(0, 3).map(({ seconds }) => seconds!);
  expect(Math.min(...known)).toBeGreaterThan(0);
  expect(result.secondsTotal).toBeCloseTo(
    known.reduce((sum, seconds) => sum + seconds, result.secondsOfSteps),
    10,
  );
  expect(new Set(clips)).toEqual(new Set(["sample-0-raw", "sample-1-raw"]));
  expect(heldOut.curves()).toEqual({});
  expect(await scratch.list()).toEqual([]);
  expect(await options.store.list()).toEqual([]);
  expect(await fingerprint(task.modules["model"]!)).toBe(before);
  const tensors = tf.memory().numTensors;
  await estimate(options, { scratch, steps: 1 });
  expect(tf.memory().numTensors).toBe(tensors);
  const alone = await estimate(options, { steps: 1, sideWork: false });
  expect(alone.sideWork.map(({ seconds, reason }) => [seconds, reason])).toEqual([
    [undefined, "left out"],
    [undefined, "left out"],
    [undefined, "left out"],
    [undefined, "the plugin has no sideWork()"],
  ]);
});

test("a run of few steps is not asked for more, and one of one step takes one", async () => {
  const { task } = regression();
  const seen: number[] = [];
  const items = (step: number, rng: Rng) => {
    seen.push(step);
    return draw(points(8))(step, rng);
  };
  const options = { task, items, optimizer: adamW(), learningRate: 0.1, rng: createRng(1) };
  const few = await estimate({ ...options, totalSteps: 4 });
  expect(few.timedSteps).toBe(3);
  expect(Math.max(...seen)).toBe(3);
  const one = await estimate({ ...options, totalSteps: 1 });
  expect(one).toMatchObject({ timedSteps: 1, secondsOfSteps: one.secondsToStart });
});

test("several processes have to be told how much to measure", async () => {
  const distributed = { size: 2 } as Collective;
  const { task } = regression();
  const options = { task, items: draw(points(8)), optimizer: adamW(), learningRate: 0.1, totalSteps: 9 };
  await expect(estimate({ ...options, rng: createRng(1), distributed })).rejects.toThrow(
    "give steps and sideWork: false",
  );
});

test("an abort ends it", async () => {
  const { task } = regression();
  const controller = new AbortController();
  const items = () => {
    controller.abort();
    return points(8);
  };
  const options = { task, items, optimizer: adamW(), learningRate: 0.1, totalSteps: 9, rng: createRng(1) };
  await expect(estimate(options, { signal: controller.signal })).rejects.toThrow("aborted");
});
