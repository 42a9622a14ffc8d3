// The suites must find what is wrong: each broken plugin fails the case that is made for it, and no suite passes all.
import { createRng, type Denoiser, type Sampler, ShapeError, type TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { hashedWords } from "../../test/examples/text-encoder/index.js";
import { improvedPndm } from "../../test/examples/sampler/index.js";
import { describeDenoiser } from "./denoiser.js";
import { describeSampler } from "./sampler.js";
import { describeTextEncoder } from "./text-encoder.js";
import { failing } from "../../test/failing.js";

const samplerFailures = (change: (sampler: Sampler) => Sampler) =>
  failing((runner) => describeSampler("broken", () => change(improvedPndm()), runner));

describe("describeSampler", () => {
  test("passes a sampler that is right", async () => {
    expect(await samplerFailures((sampler) => sampler)).toEqual([]);
  });

  test.each<[string, (sampler: Sampler) => Sampler, RegExp]>([
    [
      "reads the schedule wrongly",
      (sampler) => ({ ...sampler, sample: (request) => sampler.sample({ ...request, schedule: halved(request) }) }),
      /finds the distribution/,
    ],
    [
      "ignores the abort",
      (sampler) => ({ ...sampler, sample: (request) => sampler.sample({ ...request, signal: undefined }) }),
      /stops within one step/,
    ],
    [
      "disposes the starting noise",
      (sampler) => ({
        ...sampler,
        async *sample(request) {
          const result = yield* sampler.sample(request);
          request.latents.dispose();
          return result;
        },
      }),
      /leaves the starting noise/,
    ],
    [
      "draws from the backend",
      (sampler) => ({
        ...sampler,
        async *sample(request) {
          const result = yield* sampler.sample(request);
          const moved = tf.tidy(() => tf.add(result, tf.mul(tf.randomNormal(result.shape), 1e-3)));
          result.dispose();
          return moved as typeof result;
        },
      }),
      /draws from no other/,
    ],
    [
      "leaks a tensor a step",
      (sampler) => ({
        ...sampler,
        async *sample(request) {
          const stream = sampler.sample(request);
          for (;;) {
            const next = await stream.next();
            if (next.done === true) return next.value;
            tf.clone(next.value.latents);
            yield next.value;
          }
        },
      }),
      /nothing else but the result/,
    ],
    [
      "counts from 0",
      (sampler) => ({
        ...sampler,
        async *sample(request) {
          const stream = sampler.sample(request);
          for (;;) {
            const next = await stream.next();
            if (next.done === true) return next.value;
            yield { ...next.value, index: next.value.index - 1 };
          }
        },
      }),
      /counts its steps/,
    ],
  ])("finds one that %s", async (_, change, expected) => {
    expect((await samplerFailures(change)).some((name) => expected.test(name))).toBe(true);
  });
});

function halved({ schedule }: Parameters<Sampler["sample"]>[0]) {
  return { ...schedule, alphasCumprod: schedule.alphasCumprod.map((a) => a ** 2) };
}

/** One matrix over channels, plus the mean of the real tokens: as little as a denoiser can be. */
function matrixDenoiser(): Denoiser {
  const rng = createRng(3);
  const weights = (name: string, rows: number) => tf.tidy(() => tf.variable(rng.fork(name).normal([rows, 4])));
  const [onLatents, onText] = [weights("latents", 4), weights("text", 6)] as [tf.Tensor2D, tf.Tensor2D];
  return {
    name: "matrix",
    latentChannels: 4,
    predicts: "noise",
    learnsVariance: false,
    predict: ({ latents, timesteps, condition: { embeddings, mask } }) =>
      tf.tidy(() => {
        const [batch, slots, height, width, channels] = latents.shape;
        if (channels !== 4) throw new ShapeError(`latents have ${channels} channels; pass 4`);
        const real = tf.expandDims(tf.slice(mask, [0, 0, 0], [batch, 1, -1]), 3);
        const video = tf.slice(embeddings, [0, 0, 0, 0], [batch, 1, -1, -1]);
        const text = tf.matMul(tf.reshape(tf.sum(tf.mul(video, real), 2), [batch, 6]), onText);
        const mixed = tf.reshape(tf.matMul(tf.reshape(latents, [-1, 4]), onLatents), [
          batch,
          slots,
          height,
          width,
          4,
        ]) as tf.Tensor5D;
        const time = tf.reshape(tf.div(timesteps, 1000), [batch, 1, 1, 1, 1]);
        return tf.add(tf.mul(mixed, time), tf.reshape(text, [batch, 1, 1, 1, 4])) as tf.Tensor5D;
      }),
    dispose: () => tf.dispose([onLatents, onText]),
  };
}

const denoiserFailures = (change: (denoiser: Denoiser) => Denoiser) =>
  failing((runner) => describeDenoiser("broken", () => change(matrixDenoiser()), { ...runner, textWidth: 6 }));

describe("describeDenoiser", () => {
  test("passes a denoiser that is right", async () => {
    expect(await denoiserFailures((denoiser) => denoiser)).toEqual([]);
  });

  test.each<[string, (denoiser: Denoiser) => Denoiser, RegExp]>([
    [
      "mixes batch items",
      (d) => ({ ...d, predict: (x) => tf.tidy(() => tf.add(d.predict(x), tf.mean(x.latents))) }),
      /every batch item alone/,
    ],
    [
      "mixes stills into the video",
      (d) => ({
        ...d,
        predict: (x) => tf.tidy(() => tf.add(d.predict(x), tf.mean(x.latents, [1, 2, 3, 4], true))),
      }),
      /keeps stills and video apart/,
    ],
    [
      "ignores the mask",
      (d) => ({
        ...d,
        predict: (x) =>
          tf.tidy(() => d.predict({ ...x, condition: { ...x.condition, mask: tf.onesLike(x.condition.mask) } })),
      }),
      /no token that the mask hides/,
    ],
    ["says it learns a variance", (d) => ({ ...d, learnsVariance: true }), /twice the channels/],
    ["keeps its weights", (d) => ({ ...d, dispose() {} }), /frees its weights/],
    [
      "disposes an argument",
      (d) => ({
        ...d,
        predict(x) {
          const output = d.predict(x);
          x.timesteps.dispose();
          return output;
        },
      }),
      /leaves its arguments/,
    ],
  ])("finds one that %s", async (_, change, expected) => {
    expect((await denoiserFailures(change)).some((name) => expected.test(name))).toBe(true);
  });
});

const encoderFailures = (change: (encoder: TextEncoder) => TextEncoder) =>
  failing((runner) => describeTextEncoder("broken", () => change(hashedWords()), runner));

describe("describeTextEncoder", () => {
  test.each<[string, (encoder: TextEncoder) => TextEncoder, RegExp]>([
    ["promises another width", (e) => ({ ...e, width: 7 }), /of the shapes that it promises/],
    ["ignores the abort", (e) => ({ ...e, encode: (prompts) => e.encode(prompts) }), /stops when the signal/],
    [
      "hides every token of the empty prompt",
      (e) => ({
        ...e,
        async encode(prompts, call) {
          const { embeddings, mask } = await e.encode(prompts, call);
          const shown = tf.tidy(() => {
            const real = prompts.flat().map((prompt) => (prompt === "" ? 0 : 1));
            return tf.mul(mask, tf.tensor(real, [mask.shape[0], mask.shape[1], 1]));
          }) as tf.Tensor3D;
          mask.dispose();
          return { embeddings, mask: shown };
        },
      }),
      /a real token/,
    ],
    [
      "keeps a tensor",
      (e) => ({
        ...e,
        async encode(prompts, call) {
          tf.keep(tf.scalar(1));
          return e.encode(prompts, call);
        },
      }),
      /hands over two tensors/,
    ],
    [
      "hears one prompt only",
      (e) => ({
        ...e,
        encode: (p, c) =>
          e.encode(
            p.map((r) => r.map(() => "a")),
            c,
          ),
      }),
      /tells prompts apart/,
    ],
  ])("finds one that %s", async (_, change, expected) => {
    expect((await encoderFailures(change)).some((name) => expected.test(name))).toBe(true);
  });
});
