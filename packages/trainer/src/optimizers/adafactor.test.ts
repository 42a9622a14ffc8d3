import { Parameter, sizeOf } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { adafactor, adamW } from "../index.js";

const shapes = { matrix: [32, 33], bias: [5], stack: [2, 32, 34] } as const;

/** Numbers that a few lines of Python make too. */
function fill(shape: readonly number[], phase: number, scale: number): Float32Array {
  return Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => scale * Math.sin(0.37 * i + phase) * Math.cos(0.011 * i * i + phase),
  );
}

function parameters(): Map<string, Parameter> {
  return new Map(
    Object.entries(shapes).map(([name, shape]) => {
      const parameter = new Parameter(shape);
      parameter.assign(fill(shape, 1, 0.1));
      return [name, parameter];
    }),
  );
}

const gradientsAt = (step: number): Map<string, tf.Tensor> =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => [name, tf.tensor(fill(shape, step + 1, 0.5 + step), [...shape])]),
  );

// torch 2.13.0, torch.optim.Adafactor(lr=0.01, eps=(1e-30, 1e-3), d=1.0, weight_decay=0.1), four steps: every n/8th number. Torch
// decays before it measures a parameter's size, here a thousandth apart; the rest of the tolerance is float32.
const recorded = {
  matrix: [0.045487478, 0.019359102, -0.042640474, -0.002399838, 0.014111287, -0.000582103, 0.036209349, -0.026867086],
  bias: [0.045932066, 0.051689196, 0.049088504, 0.038505118, 0.022232644],
  stack: [0.045680825, -0.03669814, -0.00217488, 0.066801719, -0.09304823, -0.006672622, 0.095929839, 0.05169208],
};

test("four steps are those of torch", () => {
  const optimizer = adafactor({ weightDecay: 0.1 });
  const trained = parameters();
  for (let step = 1; step <= 4; step++) {
    tf.tidy(() =>
      optimizer.apply(trained, gradientsAt(step), { step: tf.scalar(step), learningRate: tf.scalar(0.01) }),
    );
  }
  for (const [name, expected] of Object.entries(recorded)) {
    const values = trained.get(name)!.variable.dataSync();
    const stride = Math.max(1, Math.floor(values.length / 8));
    for (const [index, value] of expected.entries()) expect(values[index * stride], name).toBeCloseTo(value, 5);
  }
});

test("a matrix costs a row and a column, short axes a whole moment", () => {
  const optimizer = adafactor();
  optimizer.prepare(parameters());
  const slots = Object.fromEntries([...optimizer.slots()].map(([name, { shape }]) => [name, shape]));
  expect(slots).toEqual({
    "row.matrix": [32, 1],
    "row.stack": [2, 32, 1],
    "column.matrix": [1, 33],
    "column.stack": [2, 1, 34],
    "v.bias": [5],
  });
  const whole = adamW();
  whole.prepare(parameters());
  const numbers = (all: Iterable<readonly [string, Parameter]>): number =>
    [...all].reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  expect(numbers(optimizer.slots()) / numbers(whole.slots())).toBeLessThan(0.04);
});

test("a step that does not count changes no bit, not even the first", () => {
  const optimizer = adafactor({ weightDecay: 0.1 });
  const trained = parameters();
  const before = [...trained.values()].map(({ variable }) => variable.dataSync().slice());
  const zeros = new Map([...trained].map(([name, { variable }]) => [name, tf.zerosLike(variable)]));
  tf.tidy(() =>
    optimizer.apply(trained, zeros, {
      step: tf.scalar(1),
      learningRate: tf.scalar(0),
      applied: tf.scalar(0).cast("bool"),
    }),
  );
  expect([...trained.values()].map(({ variable }) => variable.dataSync())).toEqual(before);
  for (const [, { variable }] of optimizer.slots()) expect(Math.max(...variable.dataSync())).toBe(0);
});

test("settings that cannot work are refused", () => {
  expect(() => adafactor({ decayPower: 0 })).toThrow("decayPower is 0; use a number above 0, at most 1");
  expect(() => adafactor({ factorFrom: 1 })).toThrow("factorFrom is 1; use a whole number of 2 or more");
  expect(() => adafactor({ clipThreshold: 0 })).toThrow("threshold is 0");
  expect(() => adafactor({ relativeTo: 0 })).toThrow("relativeTo is 0; use a number above 0, e.g. 1e-3, or false");
});
