// How much of a second process is left after talking: run it with one rank and with two, on as many idle cores.
//   npx tsx -C @noisereel/source packages/trainer/bench/mpi-efficiency.ts
//   mpirun -n 2 node --import tsx -C @noisereel/source packages/trainer/bench/mpi-efficiency.ts
// Each rank trains on its own micro-batch of the same size, so that seconds a step with one rank over seconds with two is the
// efficiency. One thread each: the eager executor has no more.
import { createRng, initialize } from "@noisereel/core";
import { adamW, fit } from "@noisereel/trainer";
import { mpi } from "@noisereel/trainer/node";
import * as tf from "@tensorflow/tfjs";
import { draw, Perceptron, points, regression } from "../test/tiny-task.js";

const totalSteps = 30;
const itemsEach = 1024;

tf.enableProdMode();
await tf.setBackend("cpu");
const distributed = await mpi();
const model = new Perceptron(2, 1024);
initialize(model, createRng(1));
const seconds: number[] = [];
await fit({
  task: {
    ...regression().task,
    modules: { model },
    phases: [
      {
        name: "fit",
        parameters: () => model.namedParameters(),
        loss: (given) => ({ loss: tf.mean<tf.Scalar>(tf.square(tf.sub(model.forward(given["x"]!), given["y"]!))) }),
      },
    ],
  },
  items: draw(points(2048), itemsEach * distributed.size),
  optimizer: adamW(),
  learningRate: 1e-3,
  totalSteps,
  rng: createRng(1),
  distributed,
  onStep: (step) => void seconds.push(step.seconds),
});
const median = seconds.slice(5).toSorted((a, b) => a - b)[Math.floor((seconds.length - 5) / 2)]!;
if (distributed.rank === 0)
  process.stdout.write(`${distributed.size} ranks: ${(1000 * median).toFixed(1)} ms a step\n`);
await distributed.close();
