// A step shared out among processes is compiled in halves, and does what the whole one does.
import { onnxExecutor } from "@noisereel/compile";
import { createRng, initialize, Linear, type TrainTask } from "@noisereel/core";
import { adamW, type Collective, ema, fit } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";

/** One process, which still takes the way of several. */
const alone: Collective = {
  name: "alone",
  rank: 0,
  size: 1,
  sum: async () => undefined,
  broadcast: async () => undefined,
  barrier: async () => undefined,
  close: async () => undefined,
};

const modules = () => {
  const found = { first: new Linear({ in: 6, out: 5 }), second: new Linear({ in: 5, out: 3 }) };
  for (const [name, module] of Object.entries(found)) initialize(module, createRng(1).fork(name));
  return found;
};

/** Two phases, of which the second reads what the first one kept. */
function twoPhases({ first, second }: ReturnType<typeof modules>): TrainTask<Float32Array> {
  return {
    name: "two",
    modules: { first, second },
    phases: [
      {
        name: "map",
        parameters: () => first.namedParameters(),
        loss({ x }, { kept }) {
          const mapped = first.forward(x!);
          kept.set("mapped", tf.clone(mapped));
          return { loss: tf.mean<tf.Scalar>(tf.square(tf.sub(mapped, 1))) };
        },
      },
      {
        name: "read",
        parameters: () => second.namedParameters(),
        loss: (_, { kept }) => ({
          loss: tf.mean<tf.Scalar>(tf.square(tf.sub(second.forward(kept.get("mapped")!), 2))),
        }),
      },
    ],
    prepare: (items) => ({ x: tf.tensor2d(items.map((item) => [...item])) }), // [B, 6]
  };
}

async function trained(distributed: Collective | undefined, accumulate: number) {
  const found = modules();
  const task = twoPhases(found);
  const average = ema(task.modules, { decay: 0.8 });
  const losses: number[] = [];
  await fit({
    task,
    items: (_, rng) => Array.from({ length: 4 }, () => rng.normals(6)),
    optimizer: adamW(),
    executor: onnxExecutor(),
    ema: average,
    learningRate: 0.05,
    clipNorm: 1,
    accumulate,
    distributed,
    totalSteps: 5,
    rng: createRng(2),
    onStep: (step) => void losses.push(...Object.values(step.losses)),
  });
  const averaged = average.shadows().flatMap(({ variable }) => [...variable.dataSync()]);
  const weights = Object.values(found).flatMap((module) =>
    [...module.namedParameters()].flatMap(([, { variable }]) => [...variable.dataSync()]),
  );
  return { losses, weights, averaged };
}

test.each([1, 2])("with %i micro-batches a step", async (accumulate) => {
  const whole = await trained(undefined, accumulate);
  const halves = await trained(alone, accumulate);
  for (const key of ["losses", "weights", "averaged"] as const) {
    expect(halves[key]).toHaveLength(whole[key].length);
    for (const [index, value] of whole[key].entries()) expect(halves[key][index]).toBeCloseTo(value, 5);
  }
  expect(whole.averaged).not.toEqual(whole.weights);
});
