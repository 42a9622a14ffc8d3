import { createRng, type Denoiser, initialize, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  continuation,
  type ControlMask,
  controlOf,
  generateVideo,
  guided,
  imageToVideo,
  inPainting,
  interpolation,
  knownControl,
  Latte,
  LatteT2V,
  type LatentItem,
  type LongVideoOptions,
  mixedMasks,
  nothingKnown,
  randomFrames,
  streamLongVideo,
  textToVideoTask,
} from "../src/index.js";
import {
  characterEncoder,
  distance,
  meanColors,
  randomCondition,
  randomLatents,
  randomTensor,
  tinyConfig,
  tinyModel,
} from "./support/tiny.js";

beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const latents = () => randomLatents([2, 3, 4, 4, 4]);
const input = (control?: tf.Tensor5D) => ({
  latents: latents(),
  stills: 0,
  timesteps: tf.tensor1d([700, 20]),
  condition: randomCondition([2, 1, 5, 6]),
  control,
});
const fullControl = () => controlOf(randomLatents([2, 3, 4, 4, 4], "known"), tf.ones([2, 3, 4, 4, 1]));

describe("LatteT2V with a control", () => {
  test("computes what the base model does until it is trained, and can learn", () => {
    const base = tinyModel();
    const wide = base.widened();
    expect(wide.controlChannels).toBe(5);
    const expected = base.predict(input());
    // Products with zero weights add nothing; the sums may run in another order.
    expect(distance(wide.predict(input()), expected)).toBeLessThan(1e-6);
    expect(distance(wide.predict(input(fullControl())), expected)).toBeLessThan(1e-6);
    const weight = wide.pos_embed.proj.weight.variable;
    const { grads } = tf.variableGrads(
      () => tf.mean(tf.square(wide.predict(input(fullControl())))) as tf.Scalar,
      [weight],
    );
    const onControl = tf.slice(grads[weight.name]!, [0, 0, 4, 0], [-1, -1, 5, -1]);
    expect(tf.max(tf.abs(onControl)).dataSync()[0]).toBeGreaterThan(1e-6);
    expect(() => wide.widened()).toThrow(/control_channels is 5 already/);
  });

  test("starts from scratch without influence, then has some; no control is one of zeros", () => {
    const model = new LatteT2V({ ...tinyConfig, control_channels: 5 });
    initialize(model, createRng(1));
    const weight = model.pos_embed.proj.weight;
    const part = (from: number, count: number) =>
      tf.max(tf.abs(tf.slice(weight.variable, [0, 0, from, 0], [-1, -1, count, -1]))).dataSync()[0]!;
    expect(part(0, 4)).toBeGreaterThan(0);
    expect(part(4, 5)).toBe(0);
    const trained = tinyModel({ control_channels: 5 });
    expect(distance(trained.predict(input()), trained.predict(input(fullControl())))).toBeGreaterThan(1e-3);
    expect(distance(trained.predict(input()), trained.predict(input(tf.zeros([2, 3, 4, 4, 5]))))).toBe(0);
  });

  test("is refused where it has no effect or does not fit", () => {
    expect(() => tinyModel().predict(input(fullControl()))).toThrow(/control_channels is 0; widen it/);
    expect(() => tinyModel({ control_channels: 5 }).predict(input(tf.zeros([2, 3, 4, 4, 4])))).toThrow(
      /control has shape \[2, 3, 4, 4, 4\].*\[2, 3, 4, 4, 5\]/,
    );
    expect(() => new Latte({ ...tinyConfig, caption_channels: null, control_channels: 5 })).toThrow(
      /Latte reads no control/,
    );
  });

  test("reaches both halves of a guided call", async () => {
    const model = tinyModel({ control_channels: 5 });
    const [condition, unconditional] = [randomCondition([2, 1, 5, 6]), randomCondition([2, 1, 3, 6], "empty")];
    const control = fullControl();
    const { predict } = await guided(model, { condition, unconditional, scale: 2.5, control });
    const alone = (text: typeof condition) =>
      model.predict({ latents: latents(), stills: 0, timesteps: tf.tensor1d([600, 600]), condition: text, control });
    const [u, c] = [alone(unconditional), alone(condition)];
    const expected = tf.add(u, tf.mul(tf.sub(c, u), 2.5));
    expect(distance(await predict(latents(), 600), expected)).toBeLessThan(1e-4);
    await expect(guided(tinyModel(), { condition, scale: 1, control })).rejects.toThrow(
      /5 channels but LatteT2V reads 0/,
    );
  });
});

describe("what is known", () => {
  test("is the mask, then the latents where it says so, whatever they hold elsewhere", () => {
    const known = tf.tensor5d([1, 2, NaN, NaN], [1, 2, 1, 1, 2]);
    const control = controlOf(known, tf.tensor5d([1, 0], [1, 2, 1, 1, 1]));
    expect(Array.from(control.dataSync())).toEqual([1, 1, 2, 0, 0, 0]);
    expect(() => controlOf(known, tf.ones([1, 2, 1, 1, 2]))).toThrow(ShapeError);
  });

  test("of a video is its first latents, for every prompt", async () => {
    const video = tf.fill<tf.Rank.R5>([1, 5, 16, 16, 3], 0.5);
    const control = await knownControl({ video }, { vae: meanColors, shape: [2, 3, 2, 2] });
    expect(control.shape).toEqual([2, 3, 2, 2, 5]);
    const perSlot = Array.from(tf.mean(control, [2, 3]).dataSync());
    expect(perSlot.slice(0, 15)).toEqual([1, 0.5, 0.5, 0.5, 0, 1, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0]);
    expect(perSlot.slice(15)).toEqual(perSlot.slice(0, 15));
  });

  test("with a mask is every latent whose pixels are all known", async () => {
    const video = tf.fill<tf.Rank.R5>([1, 5, 16, 16, 3], 0.5);
    const mask = tf.buffer<tf.Rank.R5>([1, 5, 16, 16, 1], "float32", new Float32Array(5 * 256).fill(1));
    mask.set(0, 0, 3, 9, 2, 0); // frame 3 belongs to latent 1; row 9 to the lower, column 2 to the left latents
    const control = await knownControl({ video, mask: mask.toTensor() }, { vae: meanColors, shape: [1, 2, 2, 2] });
    const masks = tf.slice(control, [0, 0, 0, 0, 0], [-1, -1, -1, -1, 1]);
    expect(Array.from(masks.dataSync())).toEqual([1, 1, 1, 1, 1, 1, 0, 1]);
  });

  test.each([
    [[1, 4, 16, 16, 3], /4 frames; give 4n \+ 1 of them, at most the clip's 9/],
    [[1, 13, 16, 16, 3], /13 frames/],
    [[1, 5, 16, 24, 3], /16 x 24 but the clip 16 x 16/],
    [[3, 5, 16, 16, 3], /3 batch items for 2 prompts/],
  ] as const)("refuses a video of %j", async (shape, message) => {
    const video = tf.zeros([...shape]) as tf.Tensor5D;
    await expect(knownControl({ video }, { vae: meanColors, shape: [2, 3, 2, 2] })).rejects.toThrow(message);
  });
});

describe("masks of training", () => {
  const shape = { frames: 5, height: 4, width: 6 };
  const frames = (mask: Float32Array) =>
    Array.from({ length: 5 }, (_, f) => mask.slice(f * 24, (f + 1) * 24)).map((frame) =>
      frame.every((x) => x === 1) ? "1" : frame.every((x) => x === 0) ? "0" : "?",
    );
  const draw = (mask: ControlMask, seed: number) => frames(mask(shape, createRng(seed))).join("");

  test("show what their names say", () => {
    expect(draw(nothingKnown, 0)).toBe("00000");
    expect(draw(imageToVideo, 0)).toBe("10000");
    expect(draw(interpolation, 0)).toBe("10001");
    const seeds = Array.from({ length: 60 }, (_, seed) => seed);
    const continued = new Set(seeds.map((seed) => draw(continuation, seed)));
    expect([...continued].toSorted()).toEqual(["10000", "11000", "11100", "11110"]);
    for (const seed of seeds) {
      const mask = inPainting(shape, createRng(seed));
      const hidden = mask.filter((value) => value === 0).length;
      expect(hidden % 5).toBe(0); // the same box in every frame
      expect(hidden).toBeGreaterThan(0);
    }
    expect(new Set(seeds.map((seed) => draw(randomFrames, seed))).size).toBeGreaterThan(10);
    expect(continuation({ ...shape, frames: 1 }, createRng(0)).every((value) => value === 0)).toBe(true);
  });

  test("are mixed by their shares", () => {
    const mask = mixedMasks([
      [nothingKnown, 3],
      [imageToVideo, 1],
    ]);
    const images = Array.from({ length: 400 }, (_, seed) => draw(mask, seed)).filter((drawn) => drawn === "10000");
    // Binomial of 400 draws: four deviations are 35.
    expect(Math.abs(images.length - 100)).toBeLessThan(35);
    expect(() => mixedMasks([[nothingKnown, 0]])).toThrow(/not all of them 0/);
  });

  test("reach the loss, videos alone", async () => {
    const posterior = (count: number, name: string) => ({
      shape: [count, 4, 4, 4] as const,
      mean: createRng(1)
        .fork(name)
        .normals(count * 64),
    });
    const items: LatentItem[] = [{ id: "a", latents: posterior(3, "a"), stills: [posterior(1, "s")], captions: ["a"] }];
    const denoiser = tinyModel({ control_channels: 5 });
    const textEncoder = characterEncoder();
    const task = textToVideoTask({ denoiser, textEncoder, controlMask: imageToVideo });
    const batch = await task.prepare(items, { step: 0, rng: createRng(3) });
    expect(batch["control"]!.shape).toEqual([1, 4, 4, 4, 5]);
    const perSlot = tf.slice(tf.mean(batch["control"]!, [0, 2, 3]), [0, 0], [-1, 1]).dataSync();
    expect(Array.from(perSlot)).toEqual([1, 0, 0, 0]);
    const shown = tf.slice(batch["control"]!, [0, 0, 0, 0, 1], [1, 1, 4, 4, 4]);
    expect(Array.from(shown.dataSync())).toEqual(Array.from(items[0]!.latents.mean.slice(0, 64)));
    const loss = (given: typeof batch) =>
      task.phases[0]!.loss(given, { kept: new Map(), step: tf.scalar(0) }).loss.dataSync()[0]!;
    const { control: _, ...blind } = batch;
    expect(loss(batch)).not.toBe(loss(blind));
    const plain = { denoiser: tinyModel(), textEncoder, controlMask: imageToVideo };
    expect(() => textToVideoTask(plain)).toThrow(/reads 0 control channels; use one that reads 5/);
  });
});

/** What a perfect model of "the clip fades from what is known" says: known latents as they are, others a little darker. */
function continuing(): Denoiser {
  return {
    name: "continuing",
    latentChannels: 4,
    controlChannels: 5,
    predicts: "sample",
    learnsVariance: false,
    predict: ({ latents: x, control }) =>
      tf.tidy(() => {
        const [batch, slots, height, width] = x.shape;
        const [mask, known] =
          control === undefined
            ? [tf.zeros([batch, slots, height, width, 1]), tf.zeros(x.shape)]
            : tf.split(control, [1, 4], 4);
        const count = tf.maximum(tf.sum(mask!, 1, true), 1);
        const mean = tf.div(tf.sum(known!, 1, true), count);
        const guess = tf.sub(mean, 0.25);
        return tf.add(tf.mul(mask!, known!), tf.mul(tf.sub(1, mask!), guess)) as tf.Tensor5D;
      }),
    dispose() {},
  };
}

describe("long videos", () => {
  const options = {
    denoiser: continuing(),
    vae: meanColors,
    textEncoder: characterEncoder(),
    prompt: "cat",
    seed: 3,
    steps: 2,
    guidanceScale: 2,
    height: 16,
    width: 16,
    windowFrames: 9,
    overlap: 5,
    windows: 4,
  };

  test("continue the frames before, at no more memory than one window", async () => {
    const brightness: number[] = [];
    const live: number[] = [];
    const before = tf.memory().numTensors;
    for await (const { video, index, count } of streamLongVideo(options)) {
      expect(count).toBe(4);
      expect(video.shape).toEqual([1, index === 1 ? 9 : 4, 16, 16, 3]);
      brightness.push(tf.tidy(() => Array.from(tf.mean(video, [0, 2, 3, 4]).dataSync())).at(-1)!);
      video.dispose();
      live.push(tf.memory().numTensors - before);
    }
    // Each window goes on from the mean of what it was shown: -0.25, then 0.25 below it.
    expect(brightness.map((value) => Math.round(value * 1000) / 1000)).toEqual([-0.25, -0.5, -0.625, -0.812]);
    expect(new Set(live.slice(1, 3)).size).toBe(1);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("tell their steps, and free everything when that fails", async () => {
    const model = tinyModel({ control_channels: 5 });
    const before = tf.memory().numTensors;
    const told: string[] = [];
    const onStep: LongVideoOptions["onStep"] = ({ index, count }, window) => {
      told.push(`${window}: ${index}/${count}`);
      if (window === 2) throw new Error("enough");
    };
    const run = async () => {
      for await (const { video } of streamLongVideo({ ...options, denoiser: model, onStep })) video.dispose();
    };
    await expect(run()).rejects.toThrow("enough");
    const last = `1: ${options.steps}/${options.steps}`;
    expect(told.slice(-2)).toEqual([last, `2: 1/${options.steps}`]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("of one window are what generateVideo makes", async () => {
    const model = tinyModel({ control_channels: 5 });
    const stream = streamLongVideo({ ...options, denoiser: model, windows: 1 });
    const first = await stream.next();
    const { video } = await generateVideo({ ...options, denoiser: model, frames: 9 });
    expect(distance(first.value!.video, video)).toBe(0);
    expect((await stream.next()).done).toBe(true);
  });

  test.each([
    [{ overlap: 2 }, /overlap is 2; use 1, 5, 9, … frames, fewer than the 9/],
    [{ overlap: 9 }, /overlap is 9/],
    [{ windows: 0 }, /windows is 0/],
    [{ width: 20 }, /width is 20 but must be a multiple of 8; the nearest are 16 or 24/],
    [{ denoiser: tinyModel() }, /LatteT2V reads no control and cannot continue/],
  ])("refuse %j", async (change, message) => {
    await expect(streamLongVideo({ ...options, ...change }).next()).rejects.toThrow(message);
  });
});

test("a clip agrees with the image that it is given", async () => {
  const image = tf.clipByValue(randomTensor([1, 1, 16, 16, 3], "image"), -1, 1) as tf.Tensor5D;
  const { latents: made } = await generateVideo({
    denoiser: continuing(),
    vae: meanColors,
    textEncoder: characterEncoder(),
    prompt: "cat",
    seed: 3,
    steps: 3,
    frames: 5,
    height: 16,
    width: 16,
    known: { video: image },
  });
  const encoded = await meanColors.encode(image);
  const first = tf.slice(made, [0, 0, 0, 0, 0], [-1, 1, -1, -1, 3]);
  expect(distance(first, tf.slice(encoded, [0, 0, 0, 0, 0], [-1, -1, -1, -1, 3]))).toBeLessThan(1e-5);
});
