import { CheckpointError, ConfigError, type LatentTensor, type VideoAutoencoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import {
  dpmSolverMultistep,
  encodePrompts,
  fitPreview,
  type GenerateOptions,
  generateVideo,
  generationOptions,
  generationRecord,
  linearPreview,
  parseGenerationRecord,
  samplerFrom,
  streamVideo,
} from "../src/index.js";
import { characterEncoder, distance, latentsAsVideo, meanColors, randomLatents, tinyModel } from "./support/tiny.js";

const options = {
  denoiser: tinyModel(),
  vae: latentsAsVideo,
  textEncoder: characterEncoder(),
  prompt: "cat",
  seed: 11,
  steps: 3,
  guidanceScale: 3,
  frames: 9,
  height: 32,
  width: 32,
} satisfies GenerateOptions;

/** A decoder that is linear, up to a texture that averages to nothing over the cell of a latent. */
const linearDecoder: VideoAutoencoder = {
  ...meanColors,
  decode: (latents) =>
    tf.tidy(() => {
      const mixed = tf.tensor2d([
        [0.3, 0, 0.1, 0],
        [0, -0.2, 0, 0],
        [0.1, 0, 0.4, 0],
        [0, 0.05, 0.1, 0],
      ]);
      const colors = tf.add(tf.reshape(tf.matMul(tf.reshape(latents, [-1, 4]), mixed), latents.shape), 0.1);
      const pixels = meanColors.decode(colors as LatentTensor) as tf.Tensor5D;
      const texture = tf.tensor(Array.from({ length: pixels.shape[3] }, (_, x) => (x % 2 === 0 ? 0.2 : -0.2)));
      return tf.add(pixels, tf.reshape(texture, [1, 1, 1, -1, 1])) as tf.Tensor5D;
    }),
};

test("a preview is the best linear map to what the decoder makes", async () => {
  const latents = [randomLatents([1, 3, 4, 4, 4], "a"), randomLatents([2, 1, 4, 4, 4], "b")];
  const before = tf.memory().numTensors;
  const preview = await fitPreview(linearDecoder, { latents });
  expect(tf.memory().numTensors).toBe(before);
  const expected = [
    [0.3, 0, 0.1],
    [0, -0.2, 0],
    [0.1, 0, 0.4],
    [0, 0.05, 0.1],
  ];
  for (const [channel, row] of expected.entries()) {
    for (const [color, value] of row.entries()) expect(preview.weights[channel]![color]).toBeCloseTo(value, 4);
  }
  for (const value of preview.bias) expect(value).toBeCloseTo(0.1, 4);
  expect(preview.explained).toBeCloseTo(1, 5);
  const shown = preview.project(latents[0]!);
  expect(shown.shape).toEqual([1, 3, 4, 4, 3]);
  const again = linearPreview(JSON.parse(JSON.stringify(preview)) as typeof preview);
  expect(distance(again.project(latents[0]!), shown)).toBe(0);
  expect(() => preview.project(tf.zeros([1, 1, 2, 2, 8]))).toThrow(/8 channels but the preview was fitted to 4/);
  await expect(fitPreview(linearDecoder, { latents: [tf.zeros([1, 1, 1, 2, 4])] })).rejects.toThrow(/2 positions/);
});

test("what a linear map cannot say is told", async () => {
  const curved: VideoAutoencoder = {
    ...meanColors,
    decode: (latents) => tf.tidy(() => meanColors.decode(tf.square(latents)) as tf.Tensor5D),
  };
  const preview = await fitPreview(curved, { latents: [randomLatents([2, 3, 8, 8, 4])] });
  expect(preview.explained).toBeGreaterThanOrEqual(0);
  expect(preview.explained).toBeLessThan(0.2);
});

test("steps show the preview instead of a decoded clip", async () => {
  const preview = linearPreview({ weights: [0, 1, 2, 3].map(() => [0.1, 0.1, 0.1]), bias: [0, 0, 0], explained: 1 });
  let decoded = 0;
  const vae: VideoAutoencoder = {
    ...latentsAsVideo,
    decode(latents) {
      decoded++;
      return latentsAsVideo.decode(latents);
    },
  };
  for await (const step of streamVideo({ ...options, vae, preview })) {
    const shown = await step.preview();
    expect(shown.shape).toEqual([1, 3, 4, 4, 3]);
    expect(decoded).toBe(0);
    shown.dispose();
  }
});

test("a text encoder that is made by a function is gone before sampling starts", async () => {
  const events: string[] = [];
  const textEncoder = () => {
    const weights = tf.zeros([100]);
    return { ...characterEncoder(), dispose: () => (events.push("disposed"), weights.dispose()) };
  };
  const sampler = dpmSolverMultistep();
  const watched = {
    name: "watched",
    sample(request: Parameters<typeof sampler.sample>[0]) {
      events.push("sampling");
      return sampler.sample(request);
    },
  };
  const freed = await generateVideo({ ...options, textEncoder, sampler: watched });
  expect(events).toEqual(["disposed", "sampling"]);
  const kept = await generateVideo(options);
  expect(distance(freed.video, kept.video)).toBe(0);
  const encoded = await encodePrompts({ ...options, textEncoder });
  const third = await generateVideo({ ...options, textEncoder: encoded });
  expect(distance(third.video, kept.video)).toBe(0);
  await expect(generateVideo({ ...options, prompt: ["a", "b"], textEncoder: encoded })).rejects.toThrow(
    /holds 1 encoded prompts but prompt has 2/,
  );
  encoded.dispose();
});

test("broken weights are named after the first step", async () => {
  const model = tinyModel();
  const bias = model.proj_out.bias!;
  bias.assign(new Float32Array(bias.shape[0]!).fill(NaN));
  let last = 0;
  const run = async () => {
    for await (const step of streamVideo({ ...options, denoiser: model, steps: 20 })) last = step.index;
  };
  await expect(run()).rejects.toThrow(CheckpointError);
  await expect(run()).rejects.toThrow(/after step 1 .*1 of the denoiser's weights \(proj_out\.bias\); load an earlier/);
  expect(last).toBe(0);
});

test("a record makes the same clip again", async () => {
  const record = generationRecord({
    ...options,
    sampler: { type: "ddim", options: { eta: 0.5 } },
    models: { denoiser: "abc" },
  });
  const read = parseGenerationRecord({ ...(JSON.parse(JSON.stringify(record)) as object), file: "001.mp4" });
  expect(read).toEqual(record);
  const { denoiser, vae, textEncoder } = options;
  const first = await generateVideo({ ...options, sampler: samplerFrom({ type: "ddim", options: { eta: 0.5 } }) });
  const again = await generateVideo({ denoiser, vae, textEncoder, ...generationOptions(read) });
  expect(again.video.dataSync()).toEqual(first.video.dataSync());
});

test("other records are refused by the name of what is wrong", () => {
  const record = generationRecord({ ...options, sampler: { type: "unipc" }, models: {} });
  expect(() => parseGenerationRecord({ ...record, steps: 0 })).toThrow(/steps: .*\.json that was written/);
  expect(() => parseGenerationRecord({ ...record, format: "other" })).toThrow(ConfigError);
  expect(() => samplerFrom({ type: "dpm" as "ddim" })).toThrow(/sampler is "dpm"; use one of ddpm, ddim/);
});
