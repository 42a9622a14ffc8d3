import { ConfigError, type Denoiser, eagerExecutor, type Executor, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import {
  ddim,
  denoiserNetwork,
  type GenerateOptions,
  generateImage,
  generateVideo,
  guidanceInterval,
  guided,
  latentShape,
  stackConditions,
  streamVideo,
} from "../src/index.js";
import {
  characterEncoder,
  distance,
  latentsAsVideo,
  randomCondition,
  randomLatents,
  tinyModel,
} from "./support/tiny.js";

const model = tinyModel();
const options = {
  denoiser: model,
  vae: latentsAsVideo,
  textEncoder: characterEncoder(),
  prompt: "cat",
  seed: 11,
  steps: 4,
  guidanceScale: 3,
  frames: 9,
  height: 32,
  width: 48,
} satisfies GenerateOptions;

/** Counts the runs of compiled functions by name. */
function countingExecutor(): { readonly executor: Executor; readonly runs: Map<string, number> } {
  const inner = eagerExecutor();
  const runs = new Map<string, number>();
  return {
    runs,
    executor: {
      name: "counting",
      compile(fn, settings) {
        const executable = inner.compile(fn, settings);
        return {
          ...executable,
          run(inputs, run) {
            runs.set(settings.name, (runs.get(settings.name) ?? 0) + 1);
            return executable.run(inputs, run);
          },
        };
      },
    },
  };
}

describe("generateVideo", () => {
  test("makes the same clip from the same seed, another from another, and leaves only the clip behind", async () => {
    const before = tf.memory().numTensors;
    const [a, b, c] = [
      await generateVideo(options),
      await generateVideo(options),
      await generateVideo({ ...options, seed: 12 }),
    ];
    expect(a.video.shape).toEqual([1, 3, 4, 6, 4]);
    expect(a.video.dataSync()).toEqual(b.video.dataSync());
    expect(distance(a.video, c.video)).toBeGreaterThan(0.1);
    expect(a.seed).toBe(11);
    expect(Object.keys(a.timings)).toEqual(["text", "sampling", "decoding"]);
    expect(tf.memory().numTensors - before).toBe(6);
    for (const { video, latents } of [a, b, c]) tf.dispose([video, latents]);
  });

  test("gives a prompt the same clip in a batch as alone", async () => {
    const together = await generateVideo({ ...options, prompt: ["a", "a cat"], sampler: ddim() });
    const alone = await generateVideo({ ...options, prompt: "a cat", seed: 12, sampler: ddim() });
    const second = tf.slice(together.video, [1, 0, 0, 0, 0], [1, -1, -1, -1, -1]);
    expect(distance(second, alone.video)).toBeLessThan(1e-4);
  });

  test("reads the texts once and calls the network once a step, guided or not", async () => {
    for (const guidanceScale of [3, 1]) {
      const { executor, runs } = countingExecutor();
      await generateVideo({ ...options, guidanceScale, executor });
      const name = guidanceScale === 1 ? "plain" : "guided";
      expect(Object.fromEntries(runs)).toEqual({ "LatteT2V.text": 1, [`LatteT2V.${name}.0`]: 4 });
    }
  });

  test("makes an image of one frame", async () => {
    const { video } = await generateImage(options);
    expect(video.shape).toEqual([1, 1, 4, 6, 4]);
  });

  test.each([
    [{ frames: 18 }, /frames is 18 but must be 4n \+ 1; the nearest are 17 or 21/],
    [{ frames: 0 }, /frames is 0 but must be 4n \+ 1; the nearest is 1/],
    [{ height: 60, width: 61 }, /height is 60 but must be a multiple of 16; the nearest are 48 or 64; width is 61/],
    [{ height: -16 }, /height is -16 .* the nearest is 16/],
  ])("refuses an illegal shape before it encodes anything: %j", async (change, message) => {
    const encode = () => {
      throw new Error("encoded");
    };
    const request = { ...options, ...change, textEncoder: { ...options.textEncoder, encode } };
    await expect(generateVideo(request)).rejects.toThrow(ShapeError);
    await expect(generateVideo(request)).rejects.toThrow(message);
  });

  test("refuses what cannot work, in a sentence", async () => {
    await expect(generateVideo({ ...options, steps: 0 })).rejects.toThrow(
      /steps is 0; use a positive integer, such as 25/,
    );
    await expect(generateVideo({ ...options, prompt: [] })).rejects.toThrow(/at least one prompt/);
    await expect(generateVideo({ ...options, frames: NaN })).rejects.toThrow(/frames is NaN/);
    await expect(generateVideo({ ...options, guidanceScale: NaN })).rejects.toThrow(ConfigError);
    const vae = { ...latentsAsVideo, latentChannels: 8 };
    await expect(generateVideo({ ...options, vae })).rejects.toThrow(/4 latent channels and vae 8/);
    await expect(generateVideo({ ...options, textEncoder: characterEncoder(7) })).rejects.toThrow(
      /embeddings has shape \[2, 1, 5, 7\]; this model needs \[batch, captions, tokens, 6\], from the text encoder it was trained/,
    );
  });
});

describe("streamVideo", () => {
  test("shows every step, with progress and a preview", async () => {
    const seen: number[] = [];
    const before = tf.memory().numTensors;
    const stream = streamVideo({
      ...options,
      onProgress: (event) => event.type === "sample-step" && seen.push(event.index),
    });
    for (let step = 1; ; step++) {
      const next = await stream.next();
      if (next.done === true) {
        tf.dispose([next.value.video, next.value.latents]);
        break;
      }
      expect(next.value.index).toBe(step);
      const preview = await next.value.preview();
      expect(preview.shape).toEqual([1, 3, 4, 6, 4]);
      expect(distance(preview, next.value.denoised!)).toBe(0);
      preview.dispose();
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("holds as many tensors after each step as after the one before", async () => {
    const live: number[] = [];
    for await (const _ of streamVideo({ ...options, steps: 8 })) live.push(tf.memory().numTensors);
    // The first step of DPM-Solver++ 2M has no estimate behind it.
    expect(new Set(live.slice(1)).size).toBe(1);
  });

  test("an abort in the middle of a step ends it there", async () => {
    const controller = new AbortController();
    let calls = 0;
    const denoiser = {
      name: "aborting",
      latentChannels: 4,
      predicts: "noise",
      learnsVariance: false,
      predict(input) {
        if (++calls === 3) controller.abort();
        return tf.mul(input.latents, 0.1);
      },
      dispose() {},
    } satisfies Denoiser;
    const aborted = generateVideo({ ...options, denoiser, steps: 20, guidanceScale: 1, signal: controller.signal });
    await expect(aborted).rejects.toThrow(/abort/i);
    expect(calls).toBe(3);
  });

  test("frees everything when it is left or aborted", async () => {
    const before = tf.memory().numTensors;
    for await (const step of streamVideo(options)) if (step.index === 2) break;
    const controller = new AbortController();
    const stream = streamVideo({ ...options, signal: controller.signal });
    await stream.next();
    controller.abort();
    await expect(stream.next()).rejects.toThrow(/abort/i);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("guided", () => {
  const latents = randomLatents([1, 3, 4, 4, 4]);
  const condition = randomCondition([1, 1, 5, 6]);
  const unconditional = randomCondition([1, 1, 2, 6], "empty");
  const predict = (text: typeof condition) =>
    model.predict({ latents, stills: 0, timesteps: tf.tensor1d([600]), condition: text });

  test("goes from the unconditional estimate through the conditional one", async () => {
    const before = tf.memory().numTensors;
    const denoiser = await guided(denoiserNetwork(model), { condition, unconditional, scale: 2.5 });
    const output = await denoiser.predict(latents, 600);
    denoiser.dispose();
    expect(tf.memory().numTensors).toBe(before + 1);
    const [u, c] = [predict(unconditional), predict(condition)];
    expect(distance(output, tf.add(u, tf.mul(tf.sub(c, u), 2.5)))).toBeLessThan(1e-4);
  });

  test("reading the texts once changes nothing", async () => {
    const { name, latentChannels, predicts, learnsVariance } = model;
    const rereading = {
      name,
      latentChannels,
      predicts,
      learnsVariance,
      predict: (input: Parameters<typeof model.predict>[0]) => model.predict(input),
      dispose() {},
    };
    const outputs: tf.Tensor[] = [];
    for (const denoiser of [model, rereading]) {
      const { predict } = await guided(denoiserNetwork(denoiser), { condition, unconditional, scale: 2.5 });
      outputs.push(await predict(latents, 600));
    }
    expect(outputs[0]!.dataSync()).toEqual(outputs[1]!.dataSync());
  });

  test("needs no unconditional at scale 1, and asks for it otherwise", async () => {
    const denoiser = await guided(model, { condition, scale: 1 });
    expect(distance(await denoiser.predict(latents, 600), predict(condition))).toBe(0);
    await expect(guided(model, { condition, scale: 2 })).rejects.toThrow(/unconditional is missing/);
  });

  test("rescaling keeps the deviation of the conditional estimate", async () => {
    const denoiser = await guided(model, { condition, unconditional, scale: 9, rescale: 1 });
    const output = await denoiser.predict(latents, 600);
    const deviation = (x: tf.Tensor) => Math.sqrt(tf.moments(x).variance.dataSync()[0]!);
    expect(deviation(output)).toBeCloseTo(deviation(predict(condition)), 4);
    denoiser.dispose();
    await expect(guided(model, { condition, unconditional, scale: 9, rescale: 2 })).rejects.toThrow(/rescale is 2/);
  });

  test("an interval guides inside and follows the condition alone outside", async () => {
    const { executor, runs } = countingExecutor();
    const scale = guidanceInterval({ scale: 4, from: 100, to: 700 });
    const denoiser = await guided(model, { condition, unconditional, scale, executor });
    for (const timestep of [999, 600, 10]) await denoiser.predict(latents, timestep);
    expect(Object.fromEntries(runs)).toEqual({ "LatteT2V.text": 2, "LatteT2V.plain.0": 2, "LatteT2V.guided.0": 1 });
    denoiser.dispose();
    expect(() => guidanceInterval({ scale: 4, from: 7, to: 1 })).toThrow(/smaller timestep first/);
  });

  test("stacks conditions of several lengths and batches", () => {
    const three = randomCondition([3, 1, 4, 6]);
    const { embeddings, mask } = stackConditions([unconditional, three]);
    expect(embeddings.shape).toEqual([6, 1, 4, 6]);
    expect(Array.from(mask.dataSync().slice(0, 8))).toEqual([1, 1, 0, 0, 1, 1, 0, 0]);
    expect(() => stackConditions([randomCondition([2, 1, 4, 6]), three])).toThrow(ShapeError);
  });
});

test("legal shapes are latents", () => {
  const rules = { stride: latentsAsVideo.stride, patch: 2 };
  expect(latentShape({ frames: 17, height: 64, width: 96 }, rules)).toEqual([5, 8, 12]);
  expect(latentShape({ frames: 1, height: 16, width: 16 }, rules)).toEqual([1, 2, 2]);
});
