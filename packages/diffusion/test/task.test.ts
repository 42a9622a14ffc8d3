import { createRng, initialize, Linear, type NamedTensors, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import {
  iddpm,
  type LatentItem,
  LatteT2V,
  linearSchedule,
  lossSecondMomentTimesteps,
  textToVideoTask,
} from "../src/index.js";
import { characterEncoder, tinyConfig, tinyModel } from "./support/tiny.js";

function posterior(frames: number, name: string, deviation?: number) {
  const count = frames * 4 * 4 * 4;
  const mean = createRng(1).fork(name).normals(count);
  return {
    shape: [frames, 4, 4, 4] as const,
    mean,
    ...(deviation === undefined ? {} : { logVariance: new Float32Array(count).fill(2 * Math.log(deviation)) }),
  };
}

const item = (id: string, captions = [id]): LatentItem => ({
  id,
  latents: posterior(3, id),
  stills: [posterior(1, `${id}.0`), posterior(1, `${id}.1`)],
  captions,
});
const items = [item("a"), item("b")];
const textEncoder = characterEncoder();
const context = (seed = 2) => ({ step: 0, rng: createRng(seed) });
const lossContext = () => ({ kept: new Map<string, tf.Tensor>(), step: tf.scalar(0) });
const shapes = (batch: NamedTensors) =>
  Object.fromEntries(Object.entries(batch).map(([name, { shape }]) => [name, shape]));

describe("prepare", () => {
  test("names every tensor that the loss reads", async () => {
    const task = textToVideoTask({ denoiser: tinyModel(), textEncoder });
    expect(shapes(await task.prepare(items, context()))).toEqual({
      latents: [2, 5, 4, 4, 4],
      noise: [2, 5, 4, 4, 4],
      timesteps: [2],
      weights: [2],
      stills: [2],
      "factor.signal": [2],
      "factor.noise": [2],
      embeddings: [2, 1, 5, 6],
      mask: [2, 1, 5],
    });
  });

  test("puts the video first and draws from the posterior", async () => {
    const task = textToVideoTask({ denoiser: tinyModel(), textEncoder });
    const { latents } = await task.prepare([items[0]!], context());
    expect(latents!.dataSync().slice(0, 192)).toEqual(items[0]!.latents.mean);
    expect(latents!.dataSync().slice(192, 256)).toEqual(items[0]!.stills![0]!.mean);
    const uncertain = { ...items[0]!, latents: posterior(3, "a", 0.5) };
    const batch = await task.prepare([uncertain], context());
    const drawn = (batch["latents"]!.dataSync() as Float32Array).slice(0, 192);
    const errors = drawn.map((value, i) => value - items[0]!.latents.mean[i]!);
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    expect(deviation).toBeGreaterThan(0.4);
    expect(deviation).toBeLessThan(0.6);
  });

  test("depends on nothing but the random stream", async () => {
    const task = textToVideoTask({ denoiser: tinyModel(), textEncoder });
    const [a, b, c] = await Promise.all([2, 2, 3].map(async (seed) => task.prepare(items, context(seed))));
    expect(a!["noise"]!.dataSync()).toEqual(b!["noise"]!.dataSync());
    expect(a!["noise"]!.dataSync()).not.toEqual(c!["noise"]!.dataSync());
  });

  test("drops the asked share of captions, all of an item at once", async () => {
    const captions: string[][] = [];
    const recording = {
      encode(prompts: readonly (readonly string[])[]) {
        captions.push(...prompts.map((row) => [...row]));
        return textEncoder.encode(prompts);
      },
    };
    const task = textToVideoTask({ denoiser: tinyModel(), textEncoder: recording, captionDropout: 0.3 });
    const many = Array.from({ length: 20 }, () => item("a", ["v", "s0", "s1"]));
    for (let step = 0; step < 20; step++) tf.dispose(await task.prepare(many, context(step)));
    const dropped = captions.filter((row) => row.every((caption) => caption === ""));
    const whole = captions.filter((row) => row.join() === "v,s0,s1");
    expect(dropped.length + whole.length).toBe(400);
    // Binomial of 400 draws: four deviations are 0.09.
    expect(Math.abs(dropped.length / 400 - 0.3)).toBeLessThan(0.09);
  });

  test("refuses items that do not fit together", async () => {
    const task = textToVideoTask({ denoiser: tinyModel(), textEncoder });
    const longer = { ...item("c"), latents: posterior(4, "c") };
    await expect(task.prepare([items[0]!, longer], context())).rejects.toThrow(ShapeError);
    await expect(task.prepare([], context())).rejects.toThrow(/at least one example/);
  });
});

describe("loss", () => {
  test("of a network that predicts nothing is the noise's variance", async () => {
    const model = new LatteT2V(tinyConfig);
    initialize(model, createRng(1));
    const task = textToVideoTask({ denoiser: model, textEncoder });
    const batch = await task.prepare(items, context());
    const { loss, scalars } = task.phases[0]!.loss(batch, lossContext());
    const expected = tf.mean(tf.square(batch["noise"]!)).dataSync()[0]!;
    expect(loss.dataSync()[0]).toBeCloseTo(expected, 5);
    expect(scalars!["mse"]!.dataSync()[0]).toBeCloseTo(expected, 5);
  });

  test("is reported for each item when the timesteps are drawn by it", async () => {
    const timesteps = lossSecondMomentTimesteps();
    const task = textToVideoTask({ denoiser: tinyModel(), textEncoder, objective: iddpm({ timesteps }) });
    const batch = await task.prepare(items, context());
    const { loss, scalars } = task.phases[0]!.loss(batch, lossContext());
    const read = (name: string) => scalars![name]!.dataSync()[0]!;
    expect([read("timestep.0"), read("timestep.1")]).toEqual(Array.from(batch["timesteps"]!.dataSync()));
    expect((read("itemLoss.0") + read("itemLoss.1")) / 2).toBeCloseTo(loss.dataSync()[0]!, 5);
  });

  test("falls when one batch is repeated", async () => {
    const model = new LatteT2V(tinyConfig);
    initialize(model, createRng(1));
    const task = textToVideoTask({ denoiser: model, textEncoder });
    const batch = await task.prepare(items, context());
    const optimizer = tf.train.adam(0.01);
    const losses: number[] = [];
    for (let step = 0; step < 40; step++) {
      const variables = [...task.phases[0]!.parameters()].map(([, { variable }]) => variable);
      const value = optimizer.minimize(() => task.phases[0]!.loss(batch, lossContext()).loss, true, variables)!;
      losses.push(value.dataSync()[0]!);
    }
    expect(losses.at(-1)!).toBeLessThan(0.6 * losses[0]!);
  });

  test("trains a text encoder beside the denoiser", async () => {
    const model = tinyModel();
    const width = new Linear({ in: 5, out: 5 * 6 });
    initialize(width, createRng(4));
    const trained = {
      model: width,
      tokenize: (prompts: readonly (readonly string[])[]) => ({
        ids: tf.fill<tf.Rank.R3>([prompts.length, 1, 5], 2, "int32"),
        mask: tf.ones<tf.Rank.R3>([prompts.length, 1, 5]),
      }),
      embed: (ids: tf.Tensor3D) => tf.reshape(width.forward(tf.cast(ids, "float32")), [-1, 1, 5, 6]) as tf.Tensor4D,
    };
    const task = textToVideoTask({ denoiser: model, trainedTextEncoder: trained });
    const batch = await task.prepare(items, context());
    expect(shapes(batch)).toMatchObject({ ids: [2, 1, 5], mask: [2, 1, 5] });
    const names = [...task.phases[0]!.parameters()].map(([name]) => name);
    expect(names).toContain("text.weight");
    expect(names).not.toContain("denoiser.caption_projection.y_embedding");
    const { grads } = tf.variableGrads(() => task.phases[0]!.loss(batch, lossContext()).loss, [width.weight.variable]);
    expect(tf.max(tf.abs(grads[width.weight.variable.name]!)).dataSync()[0]).toBeGreaterThan(0);
  });
});

test("the options must fit together", () => {
  const denoiser = tinyModel();
  expect(() => textToVideoTask({ denoiser })).toThrow(/either textEncoder.*or trainedTextEncoder/);
  expect(() => textToVideoTask({ denoiser, textEncoder, captionDropout: 1 })).toThrow(/captionDropout is 1/);
  const velocity = iddpm({ predicts: "velocity" });
  expect(() => textToVideoTask({ denoiser, textEncoder, objective: velocity })).toThrow(/prediction_type/);
  const learned = iddpm({ variance: "learned-range", schedule: linearSchedule({ steps: 100 }) });
  expect(() => textToVideoTask({ denoiser, textEncoder, objective: learned })).toThrow(/out_channels/);
});
