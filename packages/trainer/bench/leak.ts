// Whether memory stays flat: npx tsx -C @noisereel/source packages/trainer/bench/leak.ts [STEPS]
// Trains the tiny task with everything on and prints tensors and resident memory; exits 1 when either grows.
import { createRng } from "@noisereel/core";
import { adamW, ema, every, memoryStore, train } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { draw, points, regression } from "../test/tiny-task.js";

const totalSteps = Number(process.argv[2] ?? 5000);

tf.enableProdMode();
await tf.setBackend("cpu");
const { task, model } = regression();
const steps = train({
  task,
  items: draw(points(64)),
  optimizer: adamW(),
  learningRate: 1e-3,
  clipNorm: 1,
  accumulate: 2,
  ema: ema({ model }),
  totalSteps,
  rng: createRng(1),
  store: memoryStore(),
  saveEvery: 100,
  plugins: [every({ name: "peek", steps: 50, run: () => undefined })],
});
const seen: { readonly tensors: number; readonly mebibytes: number }[] = [];
for await (const { step } of steps) {
  if (step % Math.ceil(totalSteps / 10) !== 0) continue;
  (globalThis as { gc?: () => void }).gc?.();
  const { numTensors: tensors } = tf.memory();
  const mebibytes = process.memoryUsage.rss() / 2 ** 20;
  seen.push({ tensors, mebibytes });
  process.stdout.write(`step ${step}: ${tensors} tensors, ${mebibytes.toFixed(0)} MiB\n`);
}
// The first tenths warm up: caches fill, code is compiled.
const [from, to] = [seen[Math.floor(seen.length / 3)]!, seen.at(-1)!];
const flat = to.tensors === from.tensors && to.mebibytes < from.mebibytes * 1.1;
process.stdout.write(flat ? "flat\n" : "it grows\n");
process.exitCode = flat ? 0 : 1;
