import { createRng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import { GradientPyramid } from "./gradient-pyramid.js";

beforeAll(() => tf.setBackend("cpu"));

const distance = new GradientPyramid();
const noise = (seed: number, size = 16): tf.Tensor4D =>
  tf.tidy(() => tf.mul<tf.Tensor4D>(createRng(seed).normal([2, size, size, 3]) as tf.Tensor4D, 0.3));
const valuesOf = (x: tf.Tensor4D, y: tf.Tensor4D): number[] => [...distance.distance(x, y).dataSync()];

test("0 for equal frames, the same both ways, one number for each frame", () => {
  const [x, y] = [noise(1), noise(2)];
  expect(valuesOf(x, x)).toEqual([0, 0]);
  expect(valuesOf(x, y)).toEqual(valuesOf(y, x));
  expect(valuesOf(x, y).every((value) => value > 0.5 && value < 2)).toBe(true);
});

test("the formula on an edge against nothing", () => {
  // Columns -1, -1, 1, 1: one level, every gradient is 2 across (Prewitt's sum of three rows, divided by three).
  const edge = tf.tile(tf.tensor4d([-1, -1, 1, 1], [1, 1, 4, 1]), [1, 4, 1, 3]);
  const flat = tf.zerosLike(edge);
  const one = new GradientPyramid({ levels: 1 });
  const contrast = 170 / 127.5 ** 2;
  expect(one.distance(edge, flat).dataSync()[0]).toBeCloseTo(4 / (4 + contrast), 5);
  expect(one.distance(edge, tf.neg(edge)).dataSync()[0]).toBeCloseTo(16 / (8 + contrast), 5);
  // A change of brightness has no gradient.
  expect(one.distance(edge, tf.add(edge, 0.25)).dataSync()[0]).toBeCloseTo(0, 6);
});

test("its gradient is that of finite differences", () => {
  const [x, y] = [noise(3, 8), noise(4, 8)];
  const direction = noise(5, 8);
  const total = (frames: tf.Tensor): tf.Scalar => tf.sum(distance.distance(frames as tf.Tensor4D, y));
  const computed = tf.sum(tf.mul(tf.grad(total)(x), direction)).dataSync()[0]!;
  const step = 1e-2;
  const at = (amount: number): number => total(tf.add(x, tf.mul(direction, amount))).dataSync()[0]!;
  // Central differences: an error of the order of step^2 and of float32 rounding over step.
  expect((at(step) - at(-step)) / (2 * step)).toBeCloseTo(computed, 2);
  const equal = tf.grad(total)(y).dataSync();
  expect(equal.every((value) => value === 0)).toBe(true);
});

test("small frames have fewer levels, and frames smaller than a gradient are refused", () => {
  expect(valuesOf(noise(1, 3), noise(2, 3)).every(Number.isFinite)).toBe(true);
  expect(() => valuesOf(noise(1, 2), noise(2, 2))).toThrow(/frames are 2 x 2/);
  expect(() => new GradientPyramid({ levels: 0 })).toThrow(/levels is 0/);
  expect(() => new GradientPyramid({ contrast: 0 })).toThrow(/contrast is 0/);
});
