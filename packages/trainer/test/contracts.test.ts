// The trainer's own stores, trackers, plugins and optimizers keep the contracts that others are tested against.
import { createRng } from "@noisereel/core";
import { describeCheckpointStore, describeOptimizer, describeTracker, describeTrainerPlugin } from "@noisereel/testing";
import {
  adafactor,
  adamW,
  historyPlugin,
  lion,
  memoryStore,
  progressPlugin,
  samplesPlugin,
  sgd,
} from "@noisereel/trainer";
import { folderStore, jsonlTracker, tensorboardTracker } from "@noisereel/trainer/node";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "vitest";

const runner = { describe, it };
const temporary = () => mkdtemp(path.join(tmpdir(), "contracts-"));

describeCheckpointStore("memory", () => ({ store: memoryStore() }), runner);

describeCheckpointStore(
  "folder",
  async () => {
    const folder = await temporary();
    return {
      store: folderStore(folder),
      reopen: () => folderStore(folder),
      async damage(id) {
        const files = (await readdir(path.join(folder, id))).filter((name) => name.endsWith(".safetensors"));
        const file = path.join(folder, id, files[0]!);
        const bytes = await readFile(file);
        bytes[bytes.length - 1]! ^= 1;
        await writeFile(file, bytes);
      },
      dispose: () => rm(folder, { recursive: true }),
    };
  },
  runner,
);

describeTracker(
  "jsonl",
  async () => {
    const folder = await temporary();
    const file = path.join(folder, "run.jsonl");
    return {
      open: () => jsonlTracker(file),
      async read() {
        const text = await readFile(file, "utf8").catch(() => "");
        return text
          .split("\n")
          .filter((line) => line !== "")
          .flatMap((line) => {
            const { step, ...values } = JSON.parse(line) as Record<string, number> & { step: number };
            return Object.entries(values).map(([name, value]) => ({ step, name, value }));
          });
      },
      dispose: () => rm(folder, { recursive: true }),
    };
  },
  runner,
);

describeTracker(
  "tensorboard",
  async () => {
    const folder = await temporary();
    return { open: () => tensorboardTracker(folder), dispose: () => rm(folder, { recursive: true }) };
  },
  runner,
);

describeTrainerPlugin("history", () => historyPlugin({ every: 2 }), runner);
describeTrainerPlugin("progress", () => progressPlugin({ onUpdate: () => undefined }), runner);
describeTrainerPlugin(
  "samples",
  () =>
    samplesPlugin({
      prompts: ["a"],
      steps: 4,
      trackers: [],
      sample: async ({ seed }) => {
        const pixels = Uint8Array.from(createRng(seed).normals(12), Math.abs);
        return { id: "x", pixels, frames: 1, height: 2, width: 2, fps: 1 };
      },
    }),
  runner,
);

describeOptimizer("adamW", () => adamW({ weightDecay: 0 }), runner);
describeOptimizer(
  "adamW in groups",
  () => adamW({ groups: [{ match: (name) => name.endsWith("bias"), weightDecay: 0 }] }),
  runner,
);
describeOptimizer("adafactor", () => adafactor({ factorFrom: 2 }), { ...runner, learningRate: 0.1 });
describeOptimizer("lion", () => lion({ weightDecay: 0 }), { ...runner, learningRate: 0.02 });
describeOptimizer("sgd", () => sgd(), { ...runner, learningRate: 0.1 });
describeOptimizer("sgd with momentum", () => sgd({ momentum: 0.9 }), runner);
