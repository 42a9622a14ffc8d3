// Assertions and deterministic tensors of the executor suite.
import * as tf from "@tensorflow/tfjs";

/** A tensor's values, with what they mean. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** The error that a promise rejects with. */
export async function assertRejects(promise: Promise<unknown>, message: RegExp): Promise<Error> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert(error instanceof Error, `expected a rejection that says ${message}, got none`);
  assert(message.test(error.message), `the rejection says "${error.message}", expected ${message}`);
  return error;
}

/** Shapes and types are equal, and no element is further away than `tolerance` times the largest value. */
export function assertClose(name: string, actual: HostTensor, expected: HostTensor, tolerance: number): void {
  assert(
    actual.shape.join() === expected.shape.join() && actual.dtype === expected.dtype,
    `${name} is ${actual.dtype}[${actual.shape.join()}], expected ${expected.dtype}[${expected.shape.join()}]`,
  );
  // Below 1e-2 errors count absolutely: the inputs are about 1, and what should be zero is rounding.
  const scale = expected.values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-2);
  for (const [index, value] of expected.values.entries()) {
    const error = Math.abs(actual.values[index]! - value);
    assert(
      error <= tolerance * scale,
      `${name}: element ${index} is ${actual.values[index]}, expected ${value} (off by ${error / scale} of the largest)`,
    );
  }
}

/** Values of every tensor. */
export async function readAll(tensors: Readonly<Record<string, tf.Tensor>>): Promise<Record<string, HostTensor>> {
  const entries = Object.entries(tensors).map(async ([name, tensor]): Promise<[string, HostTensor]> => {
    const values = Array.from(await tensor.data());
    return [name, { shape: [...tensor.shape], dtype: tensor.dtype, values }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Runs `work` on tfjs's cpu backend, which is the reference, and goes back to `backend`. */
export async function onCpu<T>(backend: string, work: () => Promise<T>): Promise<T> {
  await tf.setBackend("cpu");
  try {
    return await work();
  } finally {
    await tf.setBackend(backend);
  }
}

/** A float32 tensor of values between -1 and 1 that depend on `seed` alone. */
export function pattern(shape: readonly number[], seed: number): tf.Tensor {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const values = Float32Array.from({ length: size }, (_, index) => Math.sin(1.7 * index + 0.9 * seed + 0.3) * 0.9);
  return tf.tensor(values, [...shape]);
}
