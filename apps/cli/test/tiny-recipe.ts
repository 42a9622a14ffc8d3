// A recipe of one stage that trains in milliseconds.
import { createRng, initialize, Linear } from "@noisereel/core";
import { adamW, defineRecipe, stage } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";

interface Options {
  readonly steps: number;
}

export default defineRecipe<Options>({
  name: "line",
  options: {
    safeParse(value) {
      const { steps = 5, ...others } = value as { readonly steps?: unknown };
      const unknown = Object.keys(others);
      if (unknown.length > 0) {
        return { success: false, error: { issues: [{ path: [], message: "unknown", keys: unknown }] } };
      }
      if (typeof steps === "number") return { success: true, data: { steps } };
      return { success: false, error: { issues: [{ path: ["steps"], message: "expected number" }] } };
    },
  },
  stages: ({ steps }) => [
    stage<number>({
      name: "fit",
      open() {
        const model = new Linear({ in: 1, out: 1 });
        initialize(model, createRng(0));
        const optimizer = adamW();
        return {
          task: {
            name: "line",
            modules: { model },
            phases: [
              {
                name: "fit",
                parameters: () => model.namedParameters(),
                loss: ({ x, y }) => ({ loss: tf.mean<tf.Scalar>(tf.square(tf.sub(model.forward(x!), y!))) }),
              },
            ],
            prepare: (items) => ({
              x: tf.tensor2d(items.map((item) => [item])),
              y: tf.tensor2d(items.map((item) => [2 * item + 1])),
            }),
          },
          items: (_, rng) => Array.from({ length: 4 }, () => rng.uniform()),
          optimizer,
          learningRate: 0.1,
          totalSteps: steps,
          saveEvery: 2,
          rng: createRng(1),
          facts: { line: "2x + 1" },
          dropped: [{ id: "clip-9", reason: "needs 5 frames, has 1" }],
          dispose: () => optimizer.dispose(),
        };
      },
    }),
  ],
});
