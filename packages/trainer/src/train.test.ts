import { createRng, type TrainStep } from "@noisereel/core";
import { expect, test } from "vitest";
import { adamW, ema, fit, memoryStore, train } from "./index.js";
import { draw, fingerprint, points, regression, twoPhases } from "../test/tiny-task.js";

const data = points(16);

function setUp(totalSteps: number, store = memoryStore()) {
  const { task, model } = regression();
  const average = ema({ model }, { decay: 0.99 });
  const options = {
    task,
    items: draw(data),
    optimizer: adamW(),
    learningRate: (step: number) => 0.01 / (1 + step / 50),
    clipNorm: 1,
    ema: average,
    totalSteps,
    rng: createRng(3),
    store,
  };
  return { options, model, average, store };
}

test("the loss of a small model falls on a few points", async () => {
  const { task } = regression(7, 0);
  const losses: number[] = [];
  const summary = await fit({
    task,
    items: () => data.slice(0, 4),
    optimizer: adamW({ weightDecay: 0 }),
    learningRate: 0.02,
    totalSteps: 150,
    rng: createRng(0),
    onStep: ({ losses: { fit: loss } }) => losses.push(loss!),
  });
  expect(summary).toMatchObject({ step: 150, updates: 150, finished: true, startedAt: 0, skipped: [] });
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 100);
});

test("a resumed run ends with the same bits as an undisturbed one", async () => {
  const whole = setUp(12);
  await fit(whole.options);
  const first = setUp(12);
  const controller = new AbortController();
  const summary = await fit({
    ...first.options,
    signal: controller.signal,
    onStep: ({ step }) => step === 5 && controller.abort(),
  });
  expect(summary).toMatchObject({ step: 5, finished: false, checkpoint: "step-000005" });
  const second = setUp(12, first.store);
  expect(await fit(second.options)).toMatchObject({ step: 12, startedAt: 5, finished: true });
  expect(await fingerprint(second.model)).toBe(await fingerprint(whole.model));
  whole.average.swap();
  second.average.swap();
  expect(await fingerprint(second.model)).toBe(await fingerprint(whole.model));
});

test("phases share a batch, keep tensors for each other and have optimizers of their own", async () => {
  const { task } = twoPhases();
  let last: TrainStep["scalars"] = {};
  for await (const step of train({
    task,
    items: draw(data),
    optimizer: { value: adamW(), error: adamW() },
    learningRate: { value: 0.01, error: () => 0.02 },
    totalSteps: 30,
    rng: createRng(1),
  })) {
    expect(Object.keys(step.losses)).toEqual(["value", "error"]);
    expect(step.scalars["seenStep"]).toBe(step.step - 1);
    last = step.scalars;
  }
  expect(last).toMatchObject({ "learningRate.value": 0.01, "learningRate.error": 0.02, finite: 1 });
});
