import { type Clip, createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { draw, points, regression } from "../../test/tiny-task.js";
import { adamW, ema, fit, samplesPlugin } from "../index.js";

/** A picture whose grey is the model's first weight. */
function grey(value: number): Clip {
  return { id: String(value), pixels: new Uint8Array(3), frames: 1, height: 1, width: 1, fps: 1 };
}

function setUp() {
  const { task, model } = regression();
  const average = ema({ model }, { decay: 0.9 });
  const told: string[] = [];
  const weight = () => model.out.weight.variable.dataSync()[0]!;
  const plugin = samplesPlugin({
    prompts: ["a", "b"],
    seed: 5,
    steps: 2,
    ema: average,
    sample: async ({ prompt, seed }) => ({ ...grey(weight()), caption: `${prompt}${seed}` }),
    trackers: [
      {
        name: "test",
        scalars: () => undefined,
        clip: (step, key, { id, caption }) => void told.push(`${step} ${key} ${caption} ${id}`),
      },
    ],
  });
  const options = {
    task,
    items: draw(points(8)),
    optimizer: adamW(),
    learningRate: 0.05,
    ema: average,
    totalSteps: 3,
    rng: createRng(1),
    plugins: [plugin],
  };
  return { options, told, weight, average };
}

test("samples are made before the first step, on the way and at the end, with both kinds of weights", async () => {
  const { options, told, weight, average } = setUp();
  const start = weight();
  await fit(options);
  const end = weight();
  average.swap();
  const averaged = weight();
  expect(told.map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual(
    [0, 2, 3].flatMap((step) =>
      ["raw", "ema"].flatMap((kind) => [`${step} sample-0-${kind} a5`, `${step} sample-1-${kind} b6`]),
    ),
  );
  const values = told.map((line) => Number(line.split(" ")[3]));
  expect(values.slice(0, 4)).toEqual([start, start, start, start]);
  expect(values.slice(8)).toEqual([end, end, averaged, averaged]);
  expect(end).not.toBe(averaged);
});

test("an abort while sampling saves the run instead of failing it", async () => {
  const { options } = setUp();
  const controller = new AbortController();
  const plugin = samplesPlugin({
    prompts: ["a"],
    steps: 1,
    trackers: [],
    sample: async ({ signal }) => {
      controller.abort();
      signal.throwIfAborted();
      return grey(0);
    },
  });
  expect(await fit({ ...options, plugins: [plugin], signal: controller.signal })).toMatchObject({ finished: false });
});
