import { onnxExecutor } from "@noisereel/compile";
import {
  createRng,
  eagerExecutor,
  type Executor,
  initialize,
  type SampleRequest,
  type VideoAutoencoder,
} from "@noisereel/core";
import { ddpm, generateVideo, LatteT2V } from "@noisereel/diffusion";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";

/** Strides of a real one; its pixels are the latents themselves. */
const autoencoder: VideoAutoencoder = {
  name: "latents",
  latentChannels: 4,
  stride: { time: 4, height: 8, width: 8 },
  encode: (video) => tf.clone(video),
  decode: (latents) => tf.clone(latents),
  dispose() {},
};

beforeAll(() => tf.setBackend("cpu"));

it("draws the same noise from the same seed on every executor, at the start and on the way", async () => {
  const denoiser = new LatteT2V({
    num_attention_heads: 2,
    attention_head_dim: 8,
    num_layers: 1,
    caption_channels: 6,
    sample_size: 4,
    video_length: 2,
  });
  initialize(denoiser, createRng(1));
  const run = async (executor: Executor) => {
    const drawn: Float32Array[] = [];
    const inner = ddpm();
    const { video, latents } = await generateVideo({
      denoiser,
      vae: autoencoder,
      textEncoder: () => ({
        name: "ones",
        width: 6,
        maxTokens: 3,
        encode: () => ({ embeddings: tf.ones([1, 1, 3, 6]), mask: tf.ones([1, 1, 3]) }),
        dispose() {},
      }),
      prompt: "a dog",
      seed: 5,
      steps: 4,
      frames: 5,
      height: 32,
      width: 32,
      executor,
      sampler: {
        name: "watched",
        sample(request: SampleRequest) {
          drawn.push(request.latents.dataSync() as Float32Array);
          const normal: SampleRequest["rng"]["normal"] = (shape) => {
            const noise = request.rng.normal(shape);
            drawn.push(noise.dataSync() as Float32Array);
            return noise;
          };
          return inner.sample({
            ...request,
            rng: Object.assign(Object.create(request.rng), { normal }) as typeof request.rng,
          });
        },
      },
    });
    const values = video.dataSync();
    tf.dispose([video, latents]);
    return { drawn, values };
  };
  const [eager, onnx] = [await run(eagerExecutor()), await run(onnxExecutor())];
  expect(eager.drawn).toHaveLength(4); // at the start, and after each step but the last
  expect(onnx.drawn).toEqual(eager.drawn);
  // The network's sums run in another order: float32's rounding, a few steps of it.
  for (const [i, value] of onnx.values.entries()) expect(Math.abs(value - eager.values[i]!)).toBeLessThan(1e-4);
  denoiser.dispose();
});
