// Whether memory stays flat in a stage of the small preset, as `noisereel train` runs it: compiled, logged, measured and saved.
//   node --expose-gc --import tsx -C @noisereel/source packages/trainer/bench/leak-stages.ts [STAGE] [STEPS] [AUTOENCODER]
// STAGE: stage-1 (default), or autoencoder, which trains one; other stages need AUTOENCODER, a folder with a trained one.
// Prints tensors and memory after a collection at every tenth of the steps; exits 1 when they grow.
import { onnxExecutor } from "@noisereel/compile";
import { smallStages } from "@noisereel/recipes";
import { runRecipe } from "@noisereel/trainer/node";
import { parseSettings } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const [stage = "stage-1", count = "5000", autoencoder] = process.argv.slice(2);
const totalSteps = Number(count);
const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);

interface Reading {
  readonly step: number;
  readonly tensors: number;
  readonly rss: number;
}

async function main(): Promise<number> {
  tf.enableProdMode();
  const folder = await mkdtemp(path.join(tmpdir(), "leak-stages-"));
  const seen: Reading[] = [];
  try {
    const steps = runRecipe({
      recipe: smallStages,
      settings: parseSettings([
        stage === "autoencoder" ? `autoencoder.steps=${totalSteps}` : `stages.${stage}.steps=${totalSteps}`,
        ...(autoencoder === undefined ? [] : [`autoencoder.pretrained=${autoencoder}`]),
        `measureEvery=${Math.ceil(totalSteps / 50)}`,
        `sampleEvery=${Math.ceil(totalSteps / 10)}`,
        `saveEvery=${Math.ceil(totalSteps / 20)}`,
      ]),
      folder: path.join(folder, "run"),
      executor: onnxExecutor(),
      stage,
    });
    for await (const { step } of steps) {
      if (step % Math.ceil(totalSteps / 10) !== 0) continue;
      (globalThis as { gc?: () => void }).gc?.();
      const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
      const reading = { step, tensors: tf.memory().numTensors, rss: mebibytes(rss) };
      seen.push(reading);
      process.stdout.write(
        `step ${step}: ${reading.tensors} tensors, ${reading.rss} MiB resident (heap ${mebibytes(heapUsed)}, buffers ${mebibytes(arrayBuffers)})\n`,
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  // The first third warms up: caches fill, code is compiled.
  const [from, to] = [seen[Math.floor(seen.length / 3)]!, seen.at(-1)!];
  const flat = to.tensors === from.tensors && to.rss < from.rss * 1.1;
  process.stdout.write(flat ? "flat\n" : "it grows\n");
  return flat ? 0 : 1;
}

process.exitCode = await main();
