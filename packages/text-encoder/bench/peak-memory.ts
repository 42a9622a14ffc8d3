// Memory that loading takes, against the size of the model: a synthetic T5 in two BF16 shards, loaded in a process of its own by
// streaming and by reading all files first. Linux only.
//   npx tsx --conditions=@noisereel/source packages/text-encoder/bench/peak-memory.ts
import { storeFloats } from "@noisereel/core";
import { readWeights, writeSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { T5Encoder } from "../src/index.js";

/** The table of embeddings is 3 % of the numbers, as in T5 XXL: the largest tensor decides what comes on top. */
const config = { vocab_size: 4096, d_model: 1024, d_kv: 64, d_ff: 2816, num_layers: 12, num_heads: 16 };
const mebibyte = 2 ** 20;

/** The largest resident set so far, MiB. */
async function peak(): Promise<number> {
  const status = await readFile("/proc/self/status", "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024;
}

async function load(folder: string, way: string): Promise<void> {
  await tf.setBackend("cpu");
  const before = await peak();
  if (way === "stream") await T5Encoder.fromPretrained(folder);
  else {
    const model = new T5Encoder(config);
    model.loadStateDict(await readWeights(folder, ["model"]));
  }
  console.log(((await peak()) - before).toFixed(0));
}

async function compare(): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "noisereel-peak-"));
  try {
    const model = new T5Encoder(config);
    const names = [...model.namedParameters()];
    const weightMap: Record<string, string> = {};
    for (const [i, part] of [names.slice(0, 20), names.slice(20)].entries()) {
      const file = `model-${i + 1}-of-2.safetensors`;
      const state = new Map(
        part.map(([name, { storedShape }]) => {
          const count = storedShape.reduce((a, b) => a * b, 1);
          weightMap[name] = file;
          return [name, storeFloats(new Float32Array(count).fill(0.5), storedShape, "BF16")] as const;
        }),
      );
      await writeSafetensors(path.join(folder, file), state);
    }
    await writeFile(path.join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: weightMap }));
    await writeFile(path.join(folder, "config.json"), JSON.stringify(config));
    const numbers = names.reduce((sum, [, { storedShape }]) => sum + storedShape.reduce((a, b) => a * b, 1), 0);
    const size = (numbers * 4) / mebibyte;
    console.log(`${numbers} numbers: ${size.toFixed(0)} MiB in F32, ${(size / 2).toFixed(0)} MiB of files`);
    for (const way of ["stream", "whole"]) {
      const { stdout } = spawnSync(
        process.execPath,
        [...process.execArgv, fileURLToPath(import.meta.url), folder, way],
        {
          encoding: "utf8",
        },
      );
      const grown = Number(stdout.trim().split("\n").at(-1));
      console.log(`${way}: peak ${grown} MiB above the empty process, ${(grown / size).toFixed(2)} of the model`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const [folder, way] = process.argv.slice(2);
await (folder === undefined || way === undefined ? compare() : load(folder, way));
