import { type Clip, createRng, type Example, initialize, type LossContext, type TrainTask } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import { smallCausalVae } from "../test/small.js";
import { expectSameState } from "../test/states.js";
import { NLayerDiscriminator } from "./losses/discriminator.js";
import { GradientPyramid } from "./losses/gradient-pyramid.js";
import { Lpips } from "./losses/lpips.js";
import { vaeTask, type VaeTaskOptions } from "./task.js";

beforeAll(() => tf.setBackend("cpu"));

function clip(frames: number, size = 16): Clip {
  const rng = createRng(frames);
  const pixels = Uint8Array.from({ length: frames * size * size * 3 }, () => rng.integer(256));
  return { id: `noise-${frames}`, pixels, frames, height: size, width: size, fps: 8 };
}

const example = (stills: number): Example => ({
  video: clip(5),
  stills: Array.from({ length: stills }, () => clip(1)),
});
const context = (step = 0): LossContext => ({ kept: new Map(), step: tf.scalar(step) });

async function firstLoss(task: TrainTask, items: readonly Example[]): Promise<Record<string, number>> {
  const batch = await task.prepare(items, { step: 0, rng: createRng(3) });
  const { loss, scalars = {} } = task.phases[0]!.loss(batch, context());
  const all = { loss, ...scalars };
  return Object.fromEntries(Object.entries(all).map(([name, scalar]) => [name, scalar.dataSync()[0]!]));
}

test("clips and stills become tensors of their own", async () => {
  const vae = smallCausalVae();
  const batch = await vaeTask({ vae }).prepare([example(2), example(1)], { step: 0, rng: createRng(3) });
  expect(Object.fromEntries(Object.entries(batch).map(([name, { shape }]) => [name, shape]))).toEqual({
    video: [2, 5, 16, 16, 3],
    videoNoise: [2, 2, 2, 2, 4],
    stills: [3, 1, 16, 16, 3],
    stillsNoise: [3, 1, 2, 2, 4],
  });
  const video = batch["video"]!.dataSync();
  expect(Math.min(...video)).toBeGreaterThanOrEqual(-1);
  expect(Math.max(...video)).toBeLessThanOrEqual(1);
  vae.dispose();
});

test("both reductions are made of the same means", async () => {
  const vae = smallCausalVae();
  const sum = await firstLoss(vaeTask({ vae, klWeight: 0 }), [example(1)]);
  const mean = await firstLoss(vaeTask({ vae, klWeight: 0, reduction: "mean" }), [example(1)]);
  expect(mean["loss"]).toBeCloseTo(mean["l1"]!, 6);
  expect(sum["loss"]! / (16 * 16 * 3)).toBeCloseTo(mean["loss"]!, 4);
  // 5 + 1 latents' worth of clips: the sum is over 2 clips, the mean over 48 values.
  expect((sum["kl"]! * 2) / 48).toBeCloseTo(mean["kl"]!, 4);
  vae.dispose();
});

test("the perceptual term is a gradient pyramid's where no network is given", async () => {
  const vae = smallCausalVae();
  const losses = async (perceptual: VaeTaskOptions["perceptual"]) =>
    firstLoss(vaeTask({ vae, klWeight: 0, reduction: "mean", ...(perceptual === undefined ? {} : { perceptual }) }), [
      example(1),
    ]);
  const [without, byDefault, given] = [
    await losses(undefined),
    await losses({ weight: 0.5 }),
    await losses({ network: new GradientPyramid(), weight: 0.5 }),
  ];
  expect(without["perceptual"]).toBeUndefined();
  expect(byDefault).toEqual(given);
  expect(byDefault["loss"]).toBeCloseTo(byDefault["l1"]! + 0.5 * byDefault["perceptual"]!, 5);
  expect(() => vaeTask({ vae, perceptual: { weight: -1 } })).toThrow(/perceptual\.weight is -1/);
  vae.dispose();
});

test("a few steps on one batch lower the loss", async () => {
  const vae = smallCausalVae();
  const task = vaeTask({ vae, reduction: "mean" });
  const batch = await task.prepare([{ video: clip(5, 8), stills: [clip(1, 8)] }], { step: 0, rng: createRng(3) });
  const optimizer = tf.train.adam(3e-3);
  const variables = [...vae.namedParameters()].map(([, parameter]) => parameter.variable);
  const step = (): number =>
    optimizer.minimize(() => task.phases[0]!.loss(batch, context()).loss, true, variables)!.dataSync()[0]!;
  const losses = Array.from({ length: 6 }, step);
  expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.9);
  vae.dispose();
});

test("an adversary adds a phase that trains the discriminator only, from its step on", async () => {
  const vae = smallCausalVae();
  const discriminator = new NLayerDiscriminator({ width: 2, layers: 1 });
  const network = new Lpips({ widths: [2, 2, 2, 2, 2] });
  initialize(discriminator, createRng(4));
  initialize(network, createRng(5));
  const options: VaeTaskOptions = { vae, perceptual: { network }, adversary: { discriminator, startStep: 3 } };
  const task = vaeTask(options);
  expect(task.phases.map(({ name }) => name)).toEqual(["vae", "discriminator"]);
  const batch = await task.prepare([example(1)], { step: 0, rng: createRng(3) });
  const run = (step: number) => {
    const at = context(step);
    const { loss, scalars } = task.phases[0]!.loss(batch, at);
    const judged = task.phases[1]!.loss(batch, at);
    return { total: loss.dataSync()[0]!, judged: judged.loss.dataSync()[0]!, scalars: scalars! };
  };
  const [before, opening, after] = [run(2), run(3), run(4)];
  expect(before.judged).toBe(0);
  expect(opening.judged).toBeGreaterThan(0);
  expect(opening.total).toBe(before.total);
  expect(after.total).not.toBe(before.total);
  expect(after.scalars["balance"]!.dataSync()[0]).toBeGreaterThan(0);

  const judging = [...task.phases[1]!.parameters()].filter(([, { trainable }]) => trainable);
  const at = context(5);
  task.phases[0]!.loss(batch, at);
  const { grads } = tf.variableGrads(
    () => task.phases[1]!.loss(batch, at).loss,
    judging.map(([, { variable }]) => variable),
  );
  expect(Object.values(grads).every((gradient) => gradient.dataSync().every(Number.isFinite))).toBe(true);
  for (const module of [vae, discriminator, network]) module.dispose();
});

test("a step of the discriminator moves its running statistics, clips first and then reconstructions", async () => {
  const vae = smallCausalVae();
  const [discriminator, expected] = [0, 1].map(() => new NLayerDiscriminator({ width: 2, layers: 1 }));
  for (const module of [discriminator!, expected!]) initialize(module, createRng(4));
  const task = vaeTask({ vae, adversary: { discriminator: discriminator!, startStep: 0 } });
  const batch = await task.prepare([example(0)], { step: 0, rng: createRng(3) });
  const at = context(1);
  task.phases[0]!.loss(batch, at);
  const untouched = await expected!.stateDict();
  expectSameState(await discriminator!.stateDict(), untouched);

  const weights = [...task.phases[1]!.parameters()].filter(([, { trainable }]) => trainable);
  tf.variableGrads(
    () => task.phases[1]!.loss(batch, at).loss,
    weights.map(([, { variable }]) => variable),
  );
  const frames = (clips: tf.Tensor): tf.Tensor => tf.reshape(clips, [5, 16, 16, 3]);
  for (const clips of [batch["video"]!, at.kept.get("reconstruction.0")!]) {
    for (const [parameter, value] of expected!.trackedStatistics(frames(clips))) parameter.variable.assign(value);
  }
  expectSameState(await discriminator!.stateDict(), await expected!.stateDict());
  expect(
    [...(await expected!.stateDict())].some(([name, { bytes }]) => {
      return name.endsWith("running_mean") && Buffer.compare(bytes, untouched.get(name)!.bytes) !== 0;
    }),
  ).toBe(true);

  // What is not finite would stay for ever.
  discriminator!.forward(tf.fill([1, 16, 16, 3], NaN), "tracked batch");
  expectSameState(await discriminator!.stateDict(), await expected!.stateDict());
  for (const module of [vae, discriminator!, expected!]) module.dispose();
});

test("the adaptive weight is a constant to the loss's gradient", async () => {
  const vae = smallCausalVae();
  const discriminator = new NLayerDiscriminator({ width: 2, layers: 1 });
  initialize(discriminator, createRng(4));
  const task = vaeTask({ vae, klWeight: 0, adversary: { discriminator, startStep: 0, weight: 1 } });
  const batch = await task.prepare([example(0)], { step: 0, rng: createRng(3) });
  const bias = vae.decoder.conv_out.namedParameters();
  const { variable } = [...bias].find(([name]) => name.endsWith("bias"))![1];
  const at = (value: number) => {
    variable.assign(tf.fill([3], value));
    return task.phases[0]!.loss(batch, context(9));
  };
  const { grads } = tf.variableGrads(() => task.phases[0]!.loss(batch, context(9)).loss, [variable]);
  const computed = tf.sum(grads[variable.name]!).dataSync()[0]!;
  const { balance } = at(0).scalars!;
  // nll and generator apart, so that the finite difference holds the weight still too.
  const apart = (value: number): number => {
    const { loss, scalars } = at(value);
    const { generator, balance: own } = scalars!;
    const nll = loss.dataSync()[0]! - own!.dataSync()[0]! * generator!.dataSync()[0]!;
    return nll + balance!.dataSync()[0]! * generator!.dataSync()[0]!;
  };
  const step = 1e-2;
  const measured = (apart(step) - apart(-step)) / (2 * step);
  // L1's kinks between the two points: values that change sign within 0.02.
  expect(Math.abs(measured - computed)).toBeLessThan(0.05 * Math.abs(computed) + 1);
  vae.dispose();
  discriminator.dispose();
});

test("clips of two sizes and illegal clips are refused", async () => {
  const vae = smallCausalVae();
  const task = vaeTask({ vae });
  const prepare = (items: readonly Example[]) => task.prepare(items, { step: 0, rng: createRng(1) });
  expect(() => prepare([example(0), { video: clip(9), stills: [] }])).toThrow(/clip noise-9 is 9 x 16 x 16/);
  expect(() => prepare([{ video: clip(6), stills: [] }])).toThrow(/frames is 6.*5 and 9/);
  expect(() => vaeTask({ vae, klWeight: -1 })).toThrow(/klWeight is -1/);
  vae.dispose();
});
