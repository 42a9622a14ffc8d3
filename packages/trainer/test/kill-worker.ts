// Trains a tiny model into a folder, saving after every step; run by the kill tests as a process of its own:
// kill-worker.ts FOLDER STEPS [KEEP] [MILLISECONDS]. Says when a save begins and ends; waits so long for each step's items.
import { createRng } from "@noisereel/core";
import { adamW, ema, train } from "@noisereel/trainer";
import { folderStore } from "@noisereel/trainer/node";
import { createHash } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { draw, fingerprint, points, regression } from "./tiny-task.js";

const [folder, totalSteps, keep = "2", pause = "0"] = process.argv.slice(2) as [string, string, string?, string?];
const store = folderStore(folder, { keep: Number(keep) });
const { task, model } = regression();
const average = ema({ model }, { decay: 0.99 });
const steps = train({
  task,
  async items(step, rng) {
    if (pause !== "0") await setTimeout(Number(pause));
    return draw(points(16))(step, rng);
  },
  optimizer: adamW(),
  learningRate: 0.01,
  ema: average,
  totalSteps: Number(totalSteps),
  rng: createRng(3),
  store: {
    ...store,
    async save(id, checkpoint) {
      process.stdout.write(`saving ${id}\n`);
      await store.save(id, checkpoint);
      process.stdout.write(`saved ${id}\n`);
    },
  },
  saveEvery: 1,
});
for (;;) {
  const { value, done } = await steps.next();
  if (done === true) break;
  process.stdout.write(`step ${value.step}\n`);
}
const weights = await fingerprint(model);
average.swap();
const text = weights + (await fingerprint(model));
process.stdout.write(`weights ${createHash("sha256").update(text).digest("hex")}\n`);
