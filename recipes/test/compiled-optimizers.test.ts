// Every optimizer does the same in a compiled step as on the eager executor.
import { onnxExecutor } from "@noisereel/compile";
import { createRng, eagerExecutor, type Executor, initialize, Linear, type TrainTask } from "@noisereel/core";
import { adafactor, adamW, fit, lion, sgd, type TracedOptimizer } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";

async function trained(optimizer: TracedOptimizer, executor: Executor): Promise<number[]> {
  const model = new Linear({ in: 6, out: 5 });
  initialize(model, createRng(1));
  const task: TrainTask<Float32Array> = {
    name: "map",
    modules: { model },
    phases: [
      {
        name: "fit",
        parameters: () => model.namedParameters(),
        loss: ({ x, y }) => ({ loss: tf.mean<tf.Scalar>(tf.square(tf.sub(model.forward(x!), y!))) }),
      },
    ],
    prepare: (items) => ({
      x: tf.tensor2d(items.map((item) => [...item])), // [B, 6]
      y: tf.tensor2d(items.map((item) => Array.from(item.slice(0, 5), Math.tanh))), // [B, 5]
    }),
  };
  const items = (_: number, rng: ReturnType<typeof createRng>) => Array.from({ length: 4 }, () => rng.normals(6));
  await fit({ task, items, optimizer, executor, learningRate: 0.01, clipNorm: 1, totalSteps: 4, rng: createRng(2) });
  const values = [...model.namedParameters()].flatMap(([, { variable }]) => [...variable.dataSync()]);
  optimizer.dispose();
  return values;
}

test.each([
  ["adamW", () => adamW()],
  ["adafactor", () => adafactor({ factorFrom: 2, weightDecay: 0.1 })],
  ["lion", () => lion()],
  ["sgd", () => sgd({ nesterov: true, weightDecay: 0.1 })],
])("%s", async (_, make) => {
  const eager = await trained(make(), eagerExecutor());
  const compiled = await trained(make(), onnxExecutor());
  // The order of sums differs, in float32.
  for (const [index, value] of eager.entries()) expect(compiled[index]).toBeCloseTo(value, 5);
});
