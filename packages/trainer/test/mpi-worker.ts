// Trains the tiny regression as one rank of an MPI job: mpi-worker.ts FOLDER STEPS [DIE_AT]. Rank 0 prints what it saw.
import { createRng } from "@noisereel/core";
import { adamW, ema, train } from "@noisereel/trainer";
import { folderStore, mpi } from "@noisereel/trainer/node";
import { createHash } from "node:crypto";
import { draw, fingerprint, points, regression } from "./tiny-task.js";

const [folder, totalSteps, dieAt] = process.argv.slice(2) as [string, string, string?];
const distributed = await mpi();
const { task, model } = regression();
const average = ema({ model }, { decay: 0.9 });
const steps = train({
  task,
  items: draw(points(16)),
  optimizer: adamW(),
  learningRate: 0.01,
  clipNorm: 0.5,
  ema: average,
  totalSteps: Number(totalSteps),
  accumulate: 2,
  rng: createRng(3),
  store: folderStore(folder),
  saveEvery: 3,
  distributed,
});
for (;;) {
  const next = await steps.next();
  if (next.done === true) break;
  if (distributed.rank === 0) process.stdout.write(`loss ${next.value.step} ${next.value.losses["fit"]}\n`);
  if (distributed.rank === 1 && next.value.step === Number(dieAt)) process.kill(process.pid, "SIGKILL");
}
const hash = createHash("sha256")
  .update(await fingerprint(model))
  .digest("hex");
process.stdout.write(`rank ${distributed.rank} of ${distributed.size} weights ${hash}\n`);
await distributed.close();
