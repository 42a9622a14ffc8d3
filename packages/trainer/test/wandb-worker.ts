// Trains a tiny model into a folder and tells Weights & Biases; run by the kill test as a process of its own:
// wandb-worker.ts FOLDER STEPS. The server and the key are in the environment.
import { createRng } from "@noisereel/core";
import { adamW, train } from "@noisereel/trainer";
import { folderStore, jsonlTracker, wandbTracker } from "@noisereel/trainer/node";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { draw, points, regression } from "./tiny-task.js";

const [folder, totalSteps] = process.argv.slice(2) as [string, string];
const tracker = await wandbTracker({
  folder: path.join(folder, "outbox"),
  project: "reels",
  runId: "killed",
  retries: { firstWait: 0.01 },
  onNote: (message) => process.stderr.write(`${message}\n`),
});
const steps = train({
  task: regression().task,
  async items(step, rng) {
    await setTimeout(5);
    return draw(points(16))(step, rng);
  },
  optimizer: adamW(),
  learningRate: 0.01,
  totalSteps: Number(totalSteps),
  rng: createRng(3),
  store: folderStore(path.join(folder, "checkpoints"), { keep: 2 }),
  saveEvery: 3,
  trackers: [jsonlTracker(path.join(folder, "log.jsonl")), tracker],
});
for await (const { step } of steps) process.stdout.write(`step ${step}\n`);
await tracker.close();
