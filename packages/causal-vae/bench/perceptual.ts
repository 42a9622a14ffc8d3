// Which distance without published weights is the better default? Frames of real clips are damaged in several ways until
// each has the same mean squared error, and the distances are compared, in time too:
//   npx tsx --conditions=@noisereel/source packages/causal-vae/bench/perceptual.ts
import { onnxExecutor } from "@noisereel/compile";
import { createRng, initialize } from "@noisereel/core";
import { centerCropResize, clipToTensor, readVideo } from "@noisereel/data";
import * as tf from "@tensorflow/tfjs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { GradientPyramid, Lpips, type PerceptualDistance } from "../src/index.js";

type Damage = (x: tf.Tensor4D, amount: number) => tf.Tensor4D;

const clipsFolder = fileURLToPath(new URL("../../../clips", import.meta.url));
const size = 128;
const targetMse = 0.003; // 31 dB

const mix = (x: tf.Tensor4D, damaged: tf.Tensor4D, amount: number): tf.Tensor4D =>
  tf.add(tf.mul(x, 1 - amount), tf.mul(damaged, amount));

/** A sum of a fraction of one of these and the frame itself, or more than a fraction: the amount that meets the error. */
const damages: Readonly<Record<string, Damage>> = {
  brightness: (x, amount) => tf.add(x, 0.1 * amount),
  contrast: (x, amount) => mix(x, tf.mul(x, 0.5), amount),
  noise: (x, amount) => tf.add(x, tf.mul(createRng(1).normal(x.shape) as tf.Tensor4D, 0.1 * amount)),
  blur: (x, amount) => mix(x, tf.image.resizeBilinear(tf.avgPool(x, 4, 4, "valid"), [size, size], false, true), amount),
  blocks: (x, amount) => mix(x, tf.image.resizeNearestNeighbor(tf.avgPool(x, 8, 8, "valid"), [size, size]), amount),
};

/** The damage at the amount that gives the target error, found by halving. */
function atTarget(x: tf.Tensor4D, damage: Damage): tf.Tensor4D {
  const error = (amount: number): number =>
    tf.tidy(() => tf.mean(tf.square(tf.sub(damage(x, amount), x))).dataSync()[0]!);
  let [low, high] = [0, 64];
  for (let step = 0; step < 30; step++) {
    const middle = (low + high) / 2;
    if (error(middle) < targetMse) low = middle;
    else high = middle;
  }
  return damage(x, low);
}

async function readFrames(): Promise<tf.Tensor4D> {
  const frames: tf.Tensor4D[] = [];
  for (const file of await readdir(clipsFolder)) {
    if (!file.endsWith(".mp4")) continue;
    const clip = await readVideo(path.join(clipsFolder, file), { maxFrames: 1 });
    const small = await centerCropResize({ height: size, width: size })(clip, createRng(0));
    frames.push(tf.squeeze(clipToTensor(small), [0]));
  }
  return tf.concat(frames, 0);
}

/** Milliseconds for the distance and its gradient of one frame, compiled: the shortest of five runs. */
async function timeOf(candidate: PerceptualDistance, x: tf.Tensor4D, y: tf.Tensor4D): Promise<number> {
  const step = onnxExecutor().compile(
    ({ a, b }) => ({
      gradient: tf.grad((frames) => tf.sum(candidate.distance(frames as tf.Tensor4D, b as tf.Tensor4D)))(a!),
    }),
    { name: "distance" },
  );
  const times: number[] = [];
  for (let run = 0; run < 6; run++) {
    const started = performance.now();
    tf.dispose(await step.run({ a: x, b: y }));
    if (run > 0) times.push((performance.now() - started) / x.shape[0]);
  }
  step.dispose();
  return Math.min(...times);
}

await tf.setBackend("cpu");
const random = new Lpips({ widths: [8, 16, 32, 32, 32] });
initialize(random, createRng(0));
const candidates: Readonly<Record<string, PerceptualDistance>> = {
  "gradient pyramid": new GradientPyramid(),
  "random VGG, 8 to 32 channels": random,
};
const x = await readFrames();
console.log(`${x.shape[0]} frames of ${size} x ${size}, every damage at a mean squared error of ${targetMse}\n`);
console.log(`| distance | ${Object.keys(damages).join(" | ")} | ms a frame, with gradient |`);
console.log(`| --- | ${"---: | ".repeat(Object.keys(damages).length)}---: |`);
for (const [name, candidate] of Object.entries(candidates)) {
  const values = Object.values(damages).map((damage) =>
    tf.tidy(() => tf.mean(candidate.distance(atTarget(x, damage), x)).dataSync()[0]!),
  );
  const blur = values[Object.keys(damages).indexOf("blur")]!;
  const milliseconds = await timeOf(candidate, atTarget(x, damages["noise"]!), x);
  console.log(
    `| ${name} | ${values.map((value) => (value / blur).toFixed(2)).join(" | ")} | ${milliseconds.toFixed(1)} |`,
  );
}
