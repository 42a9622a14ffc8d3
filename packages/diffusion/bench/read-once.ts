// What it saves to read a prompt once: guided steps of a Latte of the released width, 17 x 256 x 256 and 300 tokens, with the
// text's keys and values at hand and with the text itself, in turns. Layers as the argument, default 4.
//   npx tsx --conditions=@noisereel/source packages/diffusion/bench/read-once.ts 4
import { onnxExecutor } from "@noisereel/compile";
import { createRng, type Denoiser, initialize, type LatentTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { denoiserNetwork, guided, LatteT2V } from "../src/index.js";

const rounds = 5;
const layers = Number(process.argv[2] ?? 4);

await tf.setBackend("cpu");
const rng = createRng(0);
const model = new LatteT2V({ num_layers: layers, out_channels: 8, sample_size: 32, video_length: 5 });
initialize(model, rng);
const { name, latentChannels, predicts, learnsVariance } = model;
const rereading: Denoiser = {
  name: `${name}, rereading`,
  latentChannels,
  predicts,
  learnsVariance,
  predict: (input) => model.predict(input),
  dispose() {},
};
const text = (stream: string) => ({
  embeddings: rng.fork(stream).normal([1, 1, 300, 4096]) as tf.Tensor4D,
  mask: tf.ones<tf.Rank.R3>([1, 1, 300]),
});
const latents = rng.fork("latents").normal([1, 5, 32, 32, 4]) as LatentTensor;
const options = { condition: text("prompt"), unconditional: text("empty"), scale: 7.5 };
const ways = [];
for (const denoiser of [model, rereading]) {
  ways.push(await guided(denoiserNetwork(denoiser, onnxExecutor()), options));
}

const outputs: tf.Tensor5D[] = [];
for (const way of ways) outputs.push(await way.predict(latents, 500));
const apart = tf.max(tf.abs(tf.sub(outputs[0]!, outputs[1]!))).dataSync()[0]!;

const seconds: number[][] = [[], []];
for (let round = 0; round < rounds; round++) {
  for (const [i, way] of ways.entries()) {
    const started = performance.now();
    (await way.predict(latents, 500)).dispose();
    seconds[i]!.push((performance.now() - started) / 1000);
  }
}
const [once, again] = seconds.map((all) => Math.min(...all)) as [number, number];
console.log(`${layers} layers, largest difference of the outputs ${apart}`);
console.log(
  `guided step: ${once.toFixed(2)} s read once, ${again.toFixed(2)} s read again, ratio ${(once / again).toFixed(3)}`,
);
