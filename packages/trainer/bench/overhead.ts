// What the loop costs beside the bare step: npx tsx -C @noisereel/source packages/trainer/bench/overhead.ts [ROUNDS]
// Two runs of the same task take turns, one through train() with a tracker and a plugin, one calling the step alone.
import { createRng } from "@noisereel/core";
import { adamW, fit, historyPlugin } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { setUp } from "../src/set-up.js";
import { draw, Perceptron, points, regression } from "../test/tiny-task.js";

const rounds = Number(process.argv[2] ?? 9);
const steps = 20;
const batch = 64;

/** A model whose step takes some ten milliseconds, as short as any that is worth training: the loop's share is largest there. */
function options() {
  const { task: small } = regression();
  const model = new Perceptron(2, 2048);
  const task = {
    ...small,
    modules: { model },
    phases: [
      {
        name: "fit",
        parameters: () => model.namedParameters(),
        loss: (given: Record<string, tf.Tensor>) => ({
          loss: tf.mean<tf.Scalar>(tf.square(tf.sub(model.forward(given["x"]!), given["y"]!))),
        }),
      },
    ],
  };
  const items = draw(points(512), batch);
  return { task, items, optimizer: adamW(), learningRate: 1e-3, clipNorm: 1, totalSteps: steps, rng: createRng(1) };
}

async function bare(): Promise<number> {
  const given = options();
  const run = setUp(given);
  let started = 0;
  for (let step = 0; step < steps; step++) {
    if (step === 1) started = performance.now(); // the first step makes slots
    await run.runStep(given.items(step, run.itemRng(step)), step, step + 1);
  }
  const milliseconds = (performance.now() - started) / (steps - 1);
  await run.close(false);
  return milliseconds;
}

async function looped(): Promise<{ readonly milliseconds: number; readonly dataShare: number }> {
  const data: number[] = [];
  const tracker = {
    name: "memory",
    scalars: (_: number, { dataSeconds, seconds }: Readonly<Record<string, number>>) =>
      void data.push(dataSeconds! / seconds!),
  };
  let [first, last] = [0, 0];
  const onStep = ({ step }: { readonly step: number }): void => {
    last = performance.now();
    if (step === 1) first = last;
  };
  await fit({ ...options(), plugins: [historyPlugin()], trackers: [tracker], onStep });
  const milliseconds = (last - first) / (steps - 1);
  return { milliseconds, dataShare: data.reduce((sum, share) => sum + share, 0) / data.length };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  await bare();
  await looped();
  const ratios: number[] = [];
  const steps: number[] = [];
  const shares: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const own = await bare();
    const { milliseconds, dataShare } = await looped();
    ratios.push(milliseconds / own);
    steps.push(own);
    shares.push(dataShare);
  }
  process.stdout.write(
    `bare step ${median(steps).toFixed(2)} ms, the loop ${median(ratios).toFixed(4)} times that (median of ${rounds}), waiting for data ${(100 * median(shares)).toFixed(2)} % of a step\n`,
  );
}

await main();
