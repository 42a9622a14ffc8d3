// A recipe of one stage that trains in milliseconds.
import { createRng, initialize, Linear } from "@noisereel/core";
import { adamW, defineRecipe, stage } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { setTimeout } from "node:timers/promises";

interface Options {
  readonly steps: number;
  readonly saveEvery: number;
  /** That each step waits for its items. */
  readonly milliseconds: number;
  /** Does nothing here: what an estimate asks a recipe for. */
  readonly recompute: boolean;
}

const defaults: Options = { steps: 5, saveEvery: 2, milliseconds: 0, recompute: false };

export default defineRecipe<Options>({
  name: "line",
  options: {
    safeParse(value) {
      const given = { ...(value as object) };
      const unknown = Object.keys(given).filter((key) => !(key in defaults));
      if (unknown.length > 0) {
        return { success: false, error: { issues: [{ path: [], message: "unknown", keys: unknown }] } };
      }
      const issues = Object.entries(given).flatMap(([key, own]) => {
        const wanted = typeof defaults[key as keyof Options];
        return typeof own === wanted ? [] : [{ path: [key], message: `expected ${wanted}` }];
      });
      return issues.length > 0
        ? { success: false, error: { issues } }
        : { success: true, data: { ...defaults, ...given } };
    },
  },
  stages: ({ steps, saveEvery, milliseconds }) => [
    stage<number>({
      name: "fit",
      recomputeOption: "recompute",
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
          async items(_, rng) {
            if (milliseconds > 0) await setTimeout(milliseconds);
            return Array.from({ length: 4 }, () => rng.uniform());
          },
          optimizer,
          learningRate: 0.1,
          totalSteps: steps,
          saveEvery,
          rng: createRng(1),
          facts: { line: "2x + 1" },
          dropped: [{ id: "clip-9", reason: "needs 5 frames, has 1" }],
          dispose: () => optimizer.dispose(),
        };
      },
    }),
  ],
});
