// Compares a compiled function with the eager one: values, and gradients where there are some.
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { compile } from "../src/index.js";

export type Op = (...tensors: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

export interface Check {
  /** Largest error, relative to the largest value of the tensor. */
  readonly tolerance?: number;
  /** Compare gradients with respect to these inputs. Default: all float inputs. */
  readonly gradients?: readonly number[] | false;
  /** What to compare with, where the eager op itself is wrong or missing. */
  readonly reference?: Op;
}

/**
 * ORT computes in float32 with another order of sums than tfjs's cpu backend, so results agree to a few units in the
 * last place of the largest value of a tensor.
 */
const TOLERANCE = 2e-5;

/** A deterministic tensor of values in [-2, 2] with no ties and none near zero. */
export function sample(shape: number[], seed = 1): tf.Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const values = Float32Array.from({ length: size }, (_, index) => {
    const wave = Math.sin((index + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    const unit = wave - Math.floor(wave);
    return (unit < 0.5 ? -1 : 1) * (0.1 + 1.9 * Math.abs(2 * unit - 1));
  });
  return tf.tensor(values, shape);
}

function list(result: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  return Array.isArray(result) ? result : [result];
}

/** A scalar that depends on every output with a different weight everywhere. */
function project(outputs: tf.Tensor[]): tf.Scalar {
  const parts = outputs
    .filter((output) => output.dtype === "float32")
    .map((output, index) => tf.sum(tf.mul(output, sample(output.shape, 50 + index))));
  return tf.addN(parts) as tf.Scalar;
}

export async function conforms(op: Op, inputs: tf.Tensor[], check: Check = {}): Promise<void> {
  const names = inputs.map((_, index) => `x${index}`);
  const named = Object.fromEntries(inputs.map((tensor, index) => [names[index]!, tensor]));
  const order = (tensors: Readonly<Record<string, tf.Tensor>>): tf.Tensor[] => names.map((name) => tensors[name]!);
  const compare = async (fn: Op, reference: Op, what: string): Promise<void> => {
    const expected = list(reference(...inputs));
    const compiled = compile(
      (tensors) => Object.fromEntries(list(fn(...order(tensors))).map((tensor, index) => [`y${index}`, tensor])),
      { threads: 1, spinning: false },
    );
    const actual = await compiled.run(named);
    compiled.dispose();
    expect(Object.keys(actual)).toHaveLength(expected.length);
    for (const [index, tensor] of expected.entries()) {
      await expectClose(actual[`y${index}`]!, tensor, check.tolerance ?? TOLERANCE, `${what} ${index}`);
    }
  };
  const reference = check.reference ?? op;
  await compare(op, reference, "output");
  const wanted =
    check.gradients === false
      ? []
      : (check.gradients ?? inputs.flatMap((tensor, index) => (tensor.dtype === "float32" ? [index] : [])));
  if (wanted.length === 0) return;
  const gradient =
    (fn: Op): Op =>
    (...tensors) => {
      const differentiate = tf.grads((...free: tf.Tensor[]) => {
        const all = [...tensors];
        for (const [position, index] of wanted.entries()) all[index] = free[position]!;
        return project(list(fn(...all)));
      });
      return differentiate(wanted.map((index) => tensors[index]!));
    };
  await compare(gradient(op), gradient(reference), "gradient");
}

async function expectClose(actual: tf.Tensor, expected: tf.Tensor, tolerance: number, what: string): Promise<void> {
  expect(actual.shape, what).toEqual(expected.shape);
  expect(actual.dtype, what).toBe(expected.dtype);
  const [a, b] = await Promise.all([actual.data(), expected.data()]);
  // Gradients that are zero in exact arithmetic are noise: the inputs are about 1, so below 1e-2 errors are absolute.
  const scale = Math.max(1e-2, ...Array.from(b, Math.abs).filter(Number.isFinite));
  for (let index = 0; index < b.length; index++) {
    const [x, y] = [a[index]!, b[index]!];
    if (Object.is(x, y) || (Number.isNaN(x) && Number.isNaN(y)) || x === y) continue;
    if (!(Math.abs(x - y) <= tolerance * scale)) {
      expect.fail(`${what}: element ${index} is ${x}, expected ${y} (largest value ${scale})`);
    }
  }
}
