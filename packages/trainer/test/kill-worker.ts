// Trains a tiny model into a folder, saving after every step; run by the kill test as a process of its own.
import { createRng } from "@noisereel/core";
import { adamW, ema, train } from "@noisereel/trainer";
import { folderStore } from "@noisereel/trainer/node";
import { createHash } from "node:crypto";
import { draw, fingerprint, points, regression } from "./tiny-task.js";

const [folder, totalSteps] = process.argv.slice(2) as [string, string];
const { task, model } = regression();
const average = ema({ model }, { decay: 0.99 });
const steps = train({
  task,
  items: draw(points(16)),
  optimizer: adamW(),
  learningRate: 0.01,
  ema: average,
  totalSteps: Number(totalSteps),
  rng: createRng(3),
  store: folderStore(folder, { keep: 2 }),
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
