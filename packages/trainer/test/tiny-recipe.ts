// A recipe of two stages that trains in milliseconds.
import { createRng } from "@noisereel/core";
import { adamW, defineRecipe, heldOutPlugin, samplesPlugin, stage } from "@noisereel/trainer";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { draw, points, regression } from "./tiny-task.js";

const one = z
  .strictObject({ steps: z.int().positive().default(4), learningRate: z.number().default(0.02) })
  .prefault({});

const schema = z.strictObject({
  seed: z.int().default(0),
  /** The first stage's data is broken from this step on. */
  brokenFrom: z.int().nullable().default(null),
  stages: z.strictObject({ short: one, long: one }).prefault({}),
});

export default defineRecipe({
  name: "tiny",
  options: schema,
  stages: (options, { folder }) =>
    (["short", "long"] as const).map((name, index) => {
      const { steps, learningRate } = options.stages[name];
      const done = path.join(folder, "models", name, "done.txt");
      return stage({
        name,
        from: index === 0 ? undefined : "short",
        complete: () => existsSync(done),
        open({ trackers }) {
          const { task } = regression(options.seed + index);
          const optimizer = adamW();
          const data = points(8);
          return {
            task,
            items: (step, rng) => {
              const broken = index === 0 && options.brokenFrom !== null && step >= options.brokenFrom;
              return draw(data)(step, rng).map((point) => (broken ? { ...point, y: NaN } : point));
            },
            optimizer,
            learningRate,
            totalSteps: steps,
            saveEvery: 2,
            nonFiniteLimit: 2,
            rng: createRng(options.seed),
            facts: { points: data.length },
            compare: index === 0 ? undefined : { stage: "short", title: "Short and <long>" },
            dropped: [{ id: "point-9", reason: "is <not> there" }],
            plugins: [
              heldOutPlugin({ task, batches: [points(4, 2)], rng: createRng(1), steps: 2, trackers }),
              samplesPlugin({
                prompts: ["x"],
                steps: 4,
                trackers,
                sample: async () => {
                  const pixels = new Uint8Array(2 * 4 * 4 * 3).fill(200);
                  return { id: "x", pixels, frames: 2, height: 4, width: 4, fps: 4 };
                },
              }),
            ],
            async finish() {
              await mkdir(path.dirname(done), { recursive: true });
              await writeFile(done, name);
            },
            dispose: () => optimizer.dispose(),
          };
        },
      });
    }),
});
