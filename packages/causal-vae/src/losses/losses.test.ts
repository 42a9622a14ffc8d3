import { createRng, initialize, Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { adaptiveWeight } from "./adaptive-weight.js";
import { NLayerDiscriminator, NLayerDiscriminator3D } from "./discriminator.js";
import { Lpips } from "./lpips.js";
import { klPerClip, nllPerFrame } from "./reconstruction.js";

beforeAll(() => tf.setBackend("cpu"));

const draw = (seed: number, ...shape: number[]): tf.Tensor4D => createRng(seed).normal(shape) as tf.Tensor4D;

describe("reconstruction", () => {
  test("L1 is summed over a frame, and a frame's distance weighs for each of its values", () => {
    const x = tf.zeros<tf.Rank.R5>([1, 2, 4, 4, 3]);
    const y = tf.fill<tf.Rank.R5>([1, 2, 4, 4, 3], 0.5);
    expect(nllPerFrame(x, y).dataSync()[0]).toBe(24);
    expect(nllPerFrame(x, y, tf.tensor1d([0.5, 0.25])).dataSync()[0]).toBe(24 + (48 * 0.75) / 2);
  });

  test("the KL term of a standard normal posterior is 0, and grows with the clip", () => {
    const zeros = tf.zeros<tf.Rank.R5>([2, 1, 2, 2, 4]);
    expect(klPerClip({ mean: zeros, logvar: zeros }).dataSync()[0]).toBe(0);
    expect(klPerClip({ mean: tf.onesLike(zeros), logvar: zeros }).dataSync()[0]).toBe(8);
  });
});

describe("perceptual distance", () => {
  const network = new Lpips({ widths: [4, 4, 4, 4, 4] });
  initialize(network, createRng(1));

  test("is 0 for equal frames and grows with a change", () => {
    const x = draw(1, 2, 16, 16, 3);
    const noise = draw(2, 2, 16, 16, 3);
    const at = (scale: number): number => tf.sum(network.distance(x, tf.add(x, tf.mul(noise, scale)))).dataSync()[0]!;
    expect(at(0)).toBe(0);
    expect(at(0.1)).toBeGreaterThan(0);
    expect(at(0.5)).toBeGreaterThan(at(0.1));
  });

  test("has finite gradients where every feature is 0", () => {
    const dark = new Lpips({ widths: [2, 2, 2, 2, 2] });
    const gradient = tf.grad((y) => tf.sum(dark.distance(draw(1, 1, 16, 16, 3), y as tf.Tensor4D)));
    expect(
      gradient(draw(2, 1, 16, 16, 3))
        .dataSync()
        .every(Number.isFinite),
    ).toBe(true);
    dark.dispose();
  });
});

describe("discriminators", () => {
  test("256 x 256 frames give 30 x 30 logits with the released width of layers", () => {
    const discriminator = new NLayerDiscriminator({ width: 1 });
    expect(discriminator.forward(tf.zeros([1, 256, 256, 3])).shape).toEqual([1, 30, 30, 1]);
    discriminator.dispose();
  });

  test("the released sizes have the reference's number of parameters", () => {
    const flat = new NLayerDiscriminator();
    expect(flat.parameterCount()).toBe(2_765_633);
    flat.dispose();
    const deep = new NLayerDiscriminator3D();
    expect(deep.parameterCount()).toBe(11_056_961);
    deep.dispose();
  });

  test("what is too small is refused", () => {
    const flat = new NLayerDiscriminator({ width: 1 });
    const deep = new NLayerDiscriminator3D({ width: 1 });
    expect(() => flat.forward(tf.zeros([1, 23, 24, 3]))).toThrow(/too small/);
    expect(flat.forward(tf.zeros([1, 24, 24, 3])).shape).toEqual([1, 1, 1, 1]);
    expect(() => deep.forward(tf.zeros([1, 9, 24, 24, 3]))).toThrow(/too small/);
    expect(deep.forward(tf.zeros([1, 10, 24, 24, 3])).shape).toEqual([1, 1, 1, 1, 1]);
    flat.dispose();
    deep.dispose();
  });
});

test("the adaptive weight is the ratio of the gradients' norms, and lies outside the enclosing gradient", () => {
  const weight = new Parameter([2], { fill: 1 });
  const { variable } = weight;
  const ratio = () =>
    adaptiveWeight(weight, { nll: () => tf.sum(tf.mul(variable, 6)), gan: () => tf.sum(tf.square(variable)) });
  expect(ratio().dataSync()[0]).toBeCloseTo(3, 3);
  // d/dw of ratio * sum(w) is the ratio alone when it is a constant.
  const { grads } = tf.variableGrads(() => tf.mul(ratio(), tf.sum(variable)), [variable]);
  expect(grads[variable.name]!.dataSync()[0]).toBeCloseTo(3, 3);
  weight.dispose();
});
