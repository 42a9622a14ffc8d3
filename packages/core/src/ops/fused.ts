// The protocol of fused kernels: see docs/concepts/fused-kernels.md.
import * as tf from "@tensorflow/tfjs";

/** True when the active backend has its own kernel of this name. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

export type KernelAttributes = Readonly<
  Record<string, boolean | number | readonly number[] | readonly (readonly number[])[]>
>;

/** Runs a kernel of the active backend and returns all its outputs. Inputs left `undefined` are not passed. */
export function runKernel(
  name: string,
  inputs: Readonly<Record<string, tf.Tensor | undefined>>,
  attributes: KernelAttributes = {},
): tf.Tensor[] {
  const given: tf.NamedTensorMap = {};
  for (const [key, tensor] of Object.entries(inputs)) if (tensor !== undefined) given[key] = tensor;
  // tfjs types attributes as a mutable map; a kernel only reads them.
  const outputs: tf.Tensor | tf.Tensor[] = tf.engine().runKernel(name, given, attributes);
  return Array.isArray(outputs) ? outputs : [outputs];
}

/** What the forward pass of a differentiable kernel gives. */
export interface KernelResult {
  readonly value: tf.Tensor;
  /** Tensors that the gradient needs. */
  readonly saved: readonly tf.Tensor[];
  /** The gradients of the inputs, in their order. */
  readonly gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor | tf.Tensor[];
}

/** Runs `forward` with a gradient of its own instead of the gradients of the ops inside it. */
export function withGradient(
  inputs: readonly tf.Tensor[],
  forward: (...inputs: tf.Tensor[]) => KernelResult,
): tf.Tensor {
  const op = tf.customGrad((...received: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = received.at(-1) as tf.GradSaveFunc;
    const { value, saved, gradient } = forward(...(received.slice(0, -1) as tf.Tensor[]));
    save([...saved]);
    return { value, gradFunc: gradient };
  });
  return op(...inputs);
}
