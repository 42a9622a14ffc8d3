import { createRng, type ProgressEvent, type Rng, type TrainStep } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import {
  adamW,
  adaptiveClip,
  ema,
  every,
  fit,
  historyPlugin,
  latestCheckpoint,
  loadModules,
  memoryStore,
  progressPlugin,
  sgd,
  train,
  TrainingError,
} from "./index.js";
import { draw, fingerprint, type Point, points, regression, twoPhases } from "../test/tiny-task.js";

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

test("no tensor is left behind, step after step", async () => {
  const { options, average } = setUp(20, memoryStore());
  const counts: number[] = [];
  await fit({ ...options, saveEvery: 5, onStep: () => counts.push(tf.memory().numTensors) });
  expect(new Set(counts).size).toBe(1);
  average.dispose();
});

test("tensors that pile up end the run", async () => {
  const { options } = setUp(20);
  const task = {
    ...options.task,
    prepare: (items: readonly Point[], context: { step: number; rng: Rng }) => {
      tf.keep(tf.scalar(1));
      return options.task.prepare(items, context);
    },
  };
  await expect(fit({ ...options, task })).rejects.toThrow("step 3 left 1; dispose them in the task's prepare()");
});

test("a batch that is not finite is skipped, and many in a row end the run with their names", async () => {
  const poison = (until: number) => (step: number) =>
    step >= 2 && step < until ? data.slice(0, 2).map((point) => ({ ...point, y: NaN })) : data.slice(0, 2);
  const some = setUp(8);
  const summary = await fit({ ...some.options, items: poison(4), nonFiniteLimit: 3 });
  expect(summary).toMatchObject({
    step: 8,
    updates: 6,
    skipped: [
      { step: 3, items: ["point-0", "point-1"] },
      { step: 4, items: ["point-0", "point-1"] },
    ],
  });
  const many = setUp(8);
  const failure: unknown = await fit({ ...many.options, items: poison(9), nonFiniteLimit: 3 }).catch(
    (error: unknown) => error,
  );
  expect(TrainingError.isInstance(failure)).toBe(true);
  expect(failure).toMatchObject({ step: 5, items: ["point-0", "point-1"] });
  expect((failure as Error).message).toMatch(
    /^step 5 and the 2 before it were not finite \(loss\.fit is NaN.*point-0, point-1/,
  );
});

test("a run whose numbers stay broken goes back to its last good checkpoint and draws other data", async () => {
  // The first draws of steps 5 and 6 are broken; only another draw helps.
  const firstDraws = new Map<number, number>();
  const items = (step: number, rng: Rng) => {
    const drawn = rng.fork("luck").uniform();
    if (!firstDraws.has(step)) firstDraws.set(step, drawn);
    const broken = (step === 4 || step === 5) && firstDraws.get(step) === drawn;
    return data.slice(0, 2).map((point) => (broken ? { ...point, y: NaN } : point));
  };
  const steps: number[] = [];
  const lucky = setUp(8);
  const summary = await fit({
    ...lucky.options,
    items,
    saveEvery: 2,
    nonFiniteLimit: 2,
    onStep: ({ step }) => steps.push(step),
  });
  expect(steps).toEqual([1, 2, 3, 4, 5, 6, 5, 6, 7, 8]);
  expect(summary).toMatchObject({ step: 8, rollbacks: 1, finished: true });
  expect(summary.skipped.map(({ step }) => step)).toEqual([5, 6]);
});

test("a run that gets no further goes back further, then ends with the last good weights and a store to go on from", async () => {
  const items = (step: number) => data.slice(0, 2).map((point) => (step >= 5 ? { ...point, y: NaN } : point));
  const some = setUp(9);
  const failure: unknown = await fit({ ...some.options, items, saveEvery: 2, nonFiniteLimit: 2 }).catch(
    (error: unknown) => error,
  );
  expect((failure as Error).message).toMatch(
    /^step 7 and the 1 before it .*; after 2 rollbacks .* step 4 \(step-000004\)/,
  );
  // The first checkpoint of step 4 led nowhere twice, so the second rollback began from step 2, with draws of its own.
  const { checkpoint } = (await latestCheckpoint(some.store))!;
  expect(checkpoint.meta).toMatchObject({ step: 4, rollbacks: 2 });
  const { model } = regression(99);
  loadModules({ model }, checkpoint);
  expect(await fingerprint(some.model)).toBe(await fingerprint(model));
});

test("skipped steps do not count for the optimizer, also across a resume", async () => {
  const items = (step: number) => (step === 1 ? [{ ...data[0]!, y: NaN }] : [data[step]!]);
  const whole = setUp(6);
  await fit({ ...whole.options, items });
  const first = setUp(6);
  for await (const { step } of train({ ...first.options, items, saveEvery: 3 })) if (step === 3) break;
  const second = setUp(6, first.store);
  expect(await fit({ ...second.options, items })).toMatchObject({ startedAt: 3, updates: 5 });
  expect(await fingerprint(second.model)).toBe(await fingerprint(whole.model));
});

test("plugins see every step, can read the weights, and their state is resumed", async () => {
  const first = setUp(6);
  const seen: string[] = [];
  const plugins = (history = historyPlugin()) => [
    history,
    every({ name: "peek", steps: 4, atStart: true, run: async (step) => void seen.push(`${step}`) }),
  ];
  for await (const { step } of train({ ...first.options, plugins: plugins(), saveEvery: 3 })) if (step === 4) break;
  const second = setUp(6, first.store);
  const history = historyPlugin();
  await fit({ ...second.options, plugins: plugins(history) });
  expect(history.curves()["loss.fit"]!.steps).toEqual([1, 2, 3, 4, 5, 6]);
  expect(seen).toEqual(["0", "4", "4", "6"]);
});

test("the last step is always saved and a finished run is not trained again", async () => {
  const first = setUp(5);
  expect(await fit({ ...first.options, saveEvery: 2 })).toMatchObject({ checkpoint: "step-000005" });
  expect(await first.store.list()).toEqual(["step-000002", "step-000004", "step-000005"]);
  const again = setUp(5, first.store);
  expect(await fit(again.options)).toMatchObject({ step: 5, startedAt: 5, finished: true, seconds: 0 });
  expect(await fingerprint(again.model)).toBe(await fingerprint(first.model));
});

test("a run can start from the weights, or the average, of another", async () => {
  const first = setUp(5);
  await fit(first.options);
  const startFrom = async () => (await latestCheckpoint(first.store))!.checkpoint;
  for (const startWith of ["weights", "ema"] as const) {
    const next = setUp(1);
    // Nothing is applied in a step whose loss is not finite, so the weights stay those of the start.
    await fit({ ...next.options, items: () => [{ ...data[0]!, y: NaN }], startFrom, startWith });
    if (startWith === "ema") first.average.swap();
    expect(await fingerprint(next.model)).toBe(await fingerprint(first.model));
  }
});

test("checkpoints of other runs are refused in a sentence", async () => {
  const first = setUp(2);
  await fit(first.options);
  const fresh = () => setUp(4, first.store).options;
  const renamed = fresh();
  await expect(fit({ ...renamed, task: { ...renamed.task, name: "other" } })).rejects.toThrow(
    'the checkpoint is of task "regression" but this run trains "other"',
  );
  await expect(fit({ ...fresh(), ema: undefined })).rejects.toThrow(
    "the checkpoint has moving averages of model but this run keeps none",
  );
  await expect(fit({ ...fresh(), optimizer: sgd() })).rejects.toThrow("optimizer state does not fit sgd");
  await expect(fit({ ...fresh(), resume: false })).rejects.toThrow(
    "resume is false but memory holds 1 checkpoints (step-000002); use an empty store",
  );
});

test("options that cannot work are refused before anything runs", async () => {
  const { options } = setUp(2);
  const { store: _, ...withoutStore } = options;
  await expect(fit({ ...options, totalSteps: 0 })).rejects.toThrow("totalSteps is 0; use a whole number of 1 or more");
  await expect(fit({ ...withoutStore, saveEvery: 2 })).rejects.toThrow("saveEvery is 2 but there is no store");
  await expect(fit({ ...options, startWith: "ema" })).rejects.toThrow("startFrom is missing");
  await expect(fit({ ...options, plugins: [historyPlugin(), historyPlugin()] })).rejects.toThrow(
    'two plugins are named "history"',
  );
  await expect(fit({ ...options, ema: ema({ model: regression().model }) })).rejects.toThrow(
    'the moving average covers "model", which is not the task\'s module',
  );
  await expect(fit({ ...options, learningRate: { other: 1 } })).rejects.toThrow(
    'learningRate has none for phase "fit"',
  );
});

test("trackers and progress are told", async () => {
  const { options } = setUp(5);
  const lines: [number, readonly string[]][] = [];
  const left: (number | undefined)[] = [];
  const events: ProgressEvent[] = [];
  await fit({
    ...options,
    logEvery: 2,
    trackers: [{ name: "test", scalars: (step, values) => void lines.push([step, Object.keys(values)]) }],
    plugins: [progressPlugin({ onUpdate: ({ secondsLeft }) => left.push(secondsLeft) })],
    onProgress: (event) => events.push(event),
  });
  expect(lines.map(([step]) => step)).toEqual([2, 4, 5]);
  expect(lines[0]![1]).toEqual([
    "loss.fit",
    "gradientNorm.fit",
    "absolute",
    "finite",
    "learningRate.fit",
    "seconds",
    "dataSeconds",
    "tensors",
  ]);
  expect(left[0]).toBeUndefined();
  expect(left.at(-1)).toBe(0);
  expect(events.at(-1)).toEqual({ type: "train-step", index: 5, count: 5 });
});

test("trackers are told what a checkpoint holds, at the end after what plugins told of it", async () => {
  const told: string[] = [];
  const tracker = {
    name: "test",
    scalars: (step: number) => void told.push(`${step}`),
    saved: (step: number) => void told.push(`saved ${step}`),
  };
  const onEnd = (): void => void told.push("end");
  const first = setUp(5);
  await fit({ ...first.options, saveEvery: 2, trackers: [tracker], plugins: [{ name: "last", onEnd }] });
  expect(told).toEqual(["1", "2", "saved 2", "3", "4", "saved 4", "5", "end", "saved 5"]);
  told.length = 0;
  const { store: _, ...withoutStore } = setUp(2).options;
  await fit({ ...withoutStore, trackers: [tracker] });
  expect(told).toEqual(["1", "2"]);
  told.length = 0;
  const controller = new AbortController();
  const stopped = setUp(9);
  const onStep = ({ step }: TrainStep): void => void (step === 3 && controller.abort());
  await fit({ ...stopped.options, signal: controller.signal, onStep, saveEvery: 2, trackers: [tracker] });
  expect(told).toEqual(["1", "2", "saved 2", "3", "saved 3"]);
});

test("two micro-batches of one item equal one batch of two", async () => {
  const losses: Record<number, number[]> = {};
  const weights: Float32Array[] = [];
  for (const accumulate of [1, 2]) {
    const { task, model } = regression(7, 0);
    losses[accumulate] = [];
    await fit({
      task,
      items: draw(data, 2),
      optimizer: adamW(),
      learningRate: 0.01,
      clipNorm: 0.5,
      accumulate,
      totalSteps: 8,
      rng: createRng(3),
      onStep: ({ losses: { fit: loss } }) => losses[accumulate]!.push(loss!),
    });
    weights.push(Float32Array.from(await model.hidden.weight.variable.data()));
  }
  // The mean of two means in float32.
  losses[1]!.forEach((loss, step) => expect(losses[2]![step]!).toBeCloseTo(loss, 5));
  weights[0]!.forEach((value, i) => expect(weights[1]![i]!).toBeCloseTo(value, 5));
});

test("micro-batches resume exactly, leave no tensor, and one that is not finite skips the whole step", async () => {
  const items = (step: number, rng: Rng) =>
    draw(data)(step, rng).map((point, index) => (step === 2 && index === 0 ? { ...point, y: NaN } : point));
  const whole = setUp(6);
  const before = tf.memory().numTensors;
  const summary = await fit({ ...whole.options, items, accumulate: 2 });
  // The optimizer's two slots for each of the four parameters stay.
  expect(tf.memory().numTensors - before).toBe(8);
  expect(summary).toMatchObject({ updates: 5, skipped: [{ step: 3 }] });
  const first = setUp(6);
  for await (const { step } of train({ ...first.options, items, accumulate: 2, saveEvery: 2 })) if (step === 4) break;
  const second = setUp(6, first.store);
  await fit({ ...second.options, items, accumulate: 2 });
  expect(await fingerprint(second.model)).toBe(await fingerprint(whole.model));
  await expect(fit({ ...setUp(2).options, accumulate: 3 })).rejects.toThrow(
    "a step has 4 items, which do not divide into 3 micro-batches",
  );
});

test("a learnt clip limit is resumed", async () => {
  const whole = setUp(8);
  const clip = () => adaptiveClip({ warmUpSteps: 2, deviations: 0 });
  await fit({ ...whole.options, clipNorm: clip() });
  const first = setUp(8);
  for await (const { step } of train({ ...first.options, clipNorm: clip(), saveEvery: 2 })) if (step === 4) break;
  const second = setUp(8, first.store);
  await fit({ ...second.options, clipNorm: clip() });
  expect(await fingerprint(second.model)).toBe(await fingerprint(whole.model));
  const fixed = setUp(8);
  await fit(fixed.options);
  expect(await fingerprint(fixed.model)).not.toBe(await fingerprint(whole.model));
});

test("a run that begins anew does not depend on what its optimizer and average did before", async () => {
  const first = setUp(4);
  await fit(first.options);
  const again = regression();
  const { ema: _, ...options } = first.options;
  await fit({ ...options, task: again.task, store: memoryStore() });
  expect(await fingerprint(again.model)).toBe(await fingerprint(first.model));
});
