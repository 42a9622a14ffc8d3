import { createRng, type TrainStep } from "@noisereel/core";
import { expect, test } from "vitest";
import { draw, fingerprint, type Point, points, regression, twoPhases } from "../../test/tiny-task.js";
import { inProcessGroup } from "../../test/in-process-group.js";
import { adamW, type Collective, ema, fit, lion, memoryStore, type TrainOptions } from "../index.js";
import { BucketSum } from "./buckets.js";

const data = points(16);

function setUp(extra: Partial<TrainOptions<Point>> = {}, seed = 7) {
  const { task, model } = regression(seed);
  const average = ema({ model }, { decay: 0.9 });
  const losses: number[] = [];
  const options = {
    task,
    items: draw(data),
    optimizer: adamW(),
    learningRate: 0.01,
    clipNorm: 0.5,
    ema: average,
    totalSteps: 6,
    rng: createRng(3),
    onStep: (step: TrainStep) => void losses.push(step.losses["fit"]!),
    ...extra,
  };
  return { options, model, average, losses };
}

/** The same run on every rank of a group. */
async function together(make: (collective: Collective) => ReturnType<typeof setUp>, size = 2) {
  const runs = inProcessGroup(size).map((collective) => make(collective));
  const summaries = await Promise.all(runs.map(({ options }) => fit(options)));
  return runs.map((run, rank) => ({ ...run, summary: summaries[rank]! }));
}

test("buckets of any length give every array its sum", async () => {
  const [first, second] = inProcessGroup(2);
  const make = (scale: number) => [3, 1, 0, 8, 5].map((count) => new Float32Array(count).fill(scale * (count + 1)));
  for (const length of [1, 4, 7, 100]) {
    const [a, b] = [make(1), make(10)];
    const sumAll = async (arrays: readonly Float32Array[], collective: Collective): Promise<void> => {
      const buckets = new BucketSum(collective, length);
      for (const array of arrays) await buckets.add(array);
      await buckets.finish();
    };
    await Promise.all([sumAll(a, first!), sumAll(b, second!)]);
    expect(a).toEqual(make(11));
    expect(b).toEqual(a);
  }
});

test("full buckets are on their way while others are filled, one at a time, and a failure is heard", async () => {
  const waiting: (() => void)[] = [];
  const lengths: number[] = [];
  const sum = (values: Float32Array): Promise<void> => {
    lengths.push(values.length);
    return new Promise((resolve) => {
      waiting.push(() => {
        for (const [index, value] of values.entries()) values[index] = 2 * value;
        resolve();
      });
    });
  };
  const buckets = new BucketSum({ sum }, 4);
  const arrays = [Float32Array.of(1, 2, 3), Float32Array.of(4, 5), Float32Array.of(6)];
  for (const array of arrays) await buckets.add(array);
  expect(lengths).toEqual([4]); // sent before anyone asked for the end
  const finished = buckets.finish();
  await Promise.resolve();
  expect(lengths).toEqual([4]);
  waiting[0]!();
  await expect.poll(() => lengths).toEqual([4, 2]);
  waiting[1]!();
  await finished;
  expect(arrays.map((array) => [...array])).toEqual([[2, 4, 6], [8, 10], [12]]);
  const broken = new BucketSum({ sum: () => Promise.reject(new Error("a rank is gone")) }, 2);
  await broken.add(Float32Array.of(1, 2));
  await expect(broken.finish()).rejects.toThrow("a rank is gone");
});

test("two processes train as one does with two micro-batches, and hold the same bits", async () => {
  const alone = setUp({ accumulate: 2 });
  await fit(alone.options);
  const [first, second] = await together((distributed) => setUp({ distributed }));
  for (const [step, loss] of alone.losses.entries()) expect(first!.losses[step]).toBeCloseTo(loss, 5);
  expect(second!.losses).toEqual(first!.losses);
  expect(await fingerprint(second!.model)).toBe(await fingerprint(first!.model));
  const [own, other] = [alone.model, first!.model].map((model) => model.hidden.weight.variable.dataSync());
  for (const [index, value] of own!.entries()) expect(other![index]).toBeCloseTo(value, 5);
  first!.average.swap();
  second!.average.swap();
  expect(await fingerprint(second!.model)).toBe(await fingerprint(first!.model));
});

test("an optimizer without slots ahead of time, several phases and what they keep work too", async () => {
  const alone = twoPhases();
  const options = { items: draw(data), optimizer: lion(), learningRate: 1e-3, totalSteps: 4, rng: createRng(1) };
  const losses: number[] = [];
  await fit({ ...options, task: alone.task, onStep: (step) => void losses.push(step.losses["error"]!) });
  const group = inProcessGroup(1);
  const task = twoPhases();
  const own: number[] = [];
  const distributed = group[0]!;
  await fit({
    ...options,
    optimizer: lion(),
    task: task.task,
    distributed,
    onStep: (step) => void own.push(step.losses["error"]!),
  });
  expect(own).toEqual(losses);
  expect(await fingerprint(task.second)).toBe(await fingerprint(alone.second));
});

test("rank 0 saves, a stop on one rank stops all, and another number of processes goes on", async () => {
  const store = memoryStore();
  const controller = new AbortController();
  const stopAtThree = (step: TrainStep) => step.step === 3 && controller.abort();
  const [first, second] = await together((distributed) =>
    setUp({
      distributed,
      store,
      accumulate: 2,
      ...(distributed.rank === 1 ? { signal: controller.signal, onStep: stopAtThree } : {}),
    }),
  );
  expect([first!.summary.step, second!.summary.step]).toEqual([3, 3]);
  expect(await store.list()).toEqual(["step-000003"]);
  const alone = setUp({ store, accumulate: 2 });
  expect(await fit(alone.options)).toMatchObject({ startedAt: 3, finished: true });
  const whole = setUp({ accumulate: 2 });
  await fit(whole.options);
  const [own, other] = [alone.model, whole.model].map((model) => model.hidden.weight.variable.dataSync());
  for (const [index, value] of own!.entries()) expect(other![index]).toBeCloseTo(value, 5);
});

test("each process loads its own items only", async () => {
  const loaded: string[] = [];
  await together((distributed) =>
    setUp({
      distributed,
      totalSteps: 1,
      items: () =>
        data.slice(0, 4).map((point) => () => {
          loaded.push(`${distributed.rank} ${point.id}`);
          return point;
        }),
    }),
  );
  expect(loaded.toSorted()).toEqual(["0 point-0", "0 point-1", "1 point-2", "1 point-3"]);
});

test("ranks that differ, and batches that cannot be shared out, are refused", async () => {
  const runs = inProcessGroup(2).map((distributed) => setUp({ distributed }, 7 + distributed.rank));
  const results = await Promise.allSettled(runs.map(({ options }) => fit(options)));
  for (const result of results) {
    expect(result.status).toBe("rejected");
    expect(String((result as PromiseRejectedResult).reason)).toContain("1 of 2 ranks hold other weights than rank 0");
  }
  const [alone] = inProcessGroup(2);
  await expect(fit(setUp({ distributed: alone!, accumulate: 3 }).options)).rejects.toThrow("there are 2 processes");
});

test("broken numbers on one rank skip the step on all, and a rollback takes all back", async () => {
  const store = memoryStore();
  const seen = new Map<number, number>();
  const [first, second] = await together((distributed) =>
    setUp({
      distributed,
      store,
      saveEvery: 2,
      nonFiniteLimit: 2,
      items: (step, rng) => {
        const drawn = rng.uniform();
        if (!seen.has(step)) seen.set(step, drawn);
        const broken = (step === 2 || step === 3) && seen.get(step) === drawn;
        // The last item goes to rank 1.
        return data.slice(0, 4).map((point, index) => (broken && index === 3 ? { ...point, y: NaN } : point));
      },
    }),
  );
  for (const { summary } of [first!, second!]) expect(summary).toMatchObject({ step: 6, rollbacks: 1, finished: true });
  expect(await fingerprint(second!.model)).toBe(await fingerprint(first!.model));
});
