import { createRng, type SideWork } from "@noisereel/core";
import { expect, test } from "vitest";
import { draw, fingerprint, type Perceptron, points, regression } from "../test/tiny-task.js";
import {
  adamW,
  memoryStore,
  type OpenOptions,
  runStages,
  type Stage,
  stage,
  type StagesSummary,
  type StageStep,
} from "./index.js";

const data = points(16);

/** Three stages of the same model; the third starts from the first. `models` gets each stage's model when it opens. */
function plan(models: Record<string, Perceptron>): Stage[] {
  return (["one", "two", "three"] as const).map((name, index) =>
    stage({
      name,
      ...(name === "one" ? {} : { from: name === "two" ? "one" : "two" }),
      open() {
        const { task, model } = regression(index);
        models[name] = model;
        const optimizer = adamW();
        return {
          task,
          items: draw(data),
          optimizer,
          learningRate: 0.01,
          totalSteps: 4 + index,
          rng: createRng(index),
          dispose: () => optimizer.dispose(),
        };
      },
    }),
  );
}

function stores() {
  const made = new Map<string, ReturnType<typeof memoryStore>>();
  return (name: string) => {
    if (!made.has(name)) made.set(name, memoryStore());
    return made.get(name)!;
  };
}

async function collect(steps: AsyncGenerator<StageStep, StagesSummary>): Promise<[string[], StagesSummary]> {
  const seen: string[] = [];
  for (;;) {
    const next = await steps.next();
    if (next.done === true) return [seen, next.value];
    seen.push(`${next.value.stage} ${next.value.step}`);
  }
}

test("stages run in order, each from the one it names, and are not run twice", async () => {
  const models: Record<string, Perceptron> = {};
  const store = stores();
  const [seen, summary] = await collect(runStages({ stages: plan(models), store }));
  expect(seen).toHaveLength(4 + 5 + 6);
  expect(summary).toMatchObject({ finished: true, skipped: [], stages: { three: { step: 6, startedAt: 0 } } });
  const again: Record<string, Perceptron> = {};
  const [none, skipped] = await collect(runStages({ stages: plan(again), store }));
  expect([none, skipped.skipped, again]).toEqual([[], ["one", "two", "three"], {}]);
});

test("an interrupted sequence goes on and ends with the same bits", async () => {
  const whole: Record<string, Perceptron> = {};
  await collect(runStages({ stages: plan(whole), store: stores() }));
  const store = stores();
  const models: Record<string, Perceptron> = {};
  for (const stopAt of ["one 2", "two 3", "three 1"]) {
    const controller = new AbortController();
    const steps = runStages({ stages: plan(models), store, signal: controller.signal });
    for await (const { stage, step } of steps) if (`${stage} ${step}` === stopAt) controller.abort();
  }
  const [seen] = await collect(runStages({ stages: plan(models), store }));
  expect(seen).toEqual(["three 2", "three 3", "three 4", "three 5", "three 6"]);
  expect(await fingerprint(models["three"]!)).toBe(await fingerprint(whole["three"]!));
});

test("a stage starts from the weights of the one it names", async () => {
  const models: Record<string, Perceptron> = {};
  const [one] = plan(models);
  const still = stage({
    name: "still",
    from: "one",
    open() {
      const { task, model } = regression(5);
      models["still"] = model;
      // No learning rate, no decay: the weights stay those it started from.
      const optimizer = adamW({ weightDecay: 0 });
      return { task, items: draw(data), optimizer, learningRate: 0, totalSteps: 1, rng: createRng(0) };
    },
  });
  await collect(runStages({ stages: [one!, still], store: stores() }));
  expect(await fingerprint(models["still"]!)).toBe(await fingerprint(models["one"]!));
});

test("sequences that cannot work are refused before anything runs", async () => {
  const [one, two, three] = plan({}) as [Stage, Stage, Stage];
  const run = (stages: Stage[]) => collect(runStages({ stages, store: stores() }));
  await expect(run([one, three])).rejects.toThrow(
    'stage "three" starts from "two", which is no earlier stage; earlier ones are one',
  );
  await expect(run([one, two, one])).rejects.toThrow('two stages are named "one"');
});

test("an estimate of a stage counts opening it, its own work and saving, and says when finishing was not measured", async () => {
  const opened: OpenOptions[] = [];
  const encode = { name: "preparing", times: 3, once: () => undefined };
  const make = (sideWork: readonly SideWork[] | undefined) =>
    stage({
      name: "alone",
      open(open) {
        opened.push(open);
        const optimizer = adamW();
        return {
          task: regression().task,
          items: draw(data),
          optimizer,
          learningRate: 0.01,
          totalSteps: 9,
          saveEvery: 4,
          rng: createRng(1),
          sideWork,
          finish: () => Promise.reject(new Error("an estimate finishes nothing")),
          dispose: () => optimizer.dispose(),
        };
      },
    });
  const scratch = memoryStore();
  const trackers = [{ name: "nobody", scalars: () => undefined }];
  const said = await make([encode]).estimate({ scratch, trackers });
  expect(opened[0]).toMatchObject({ dry: true, trackers });
  expect(said.sideWork).toMatchObject([
    { name: "preparing", times: undefined },
    { name: "saving", times: 3 },
  ]);
  expect(said.secondsTotal).toBeGreaterThan(said.secondsOfSteps);
  const unsaid = await make(undefined).estimate({ steps: 1 });
  expect(unsaid.sideWork.slice(1)).toMatchObject([
    { name: "saving", times: 3, reason: "there is no scratch store" },
    { name: "finishing", times: 1, reason: "the stage has no sideWork" },
  ]);
});
