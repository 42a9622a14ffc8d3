// A phase's loss and gradients, and what is measured of them.
import type { LossContext, NamedTensors, Parameter, TrainPhase } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

export type Gradients = ReadonlyMap<string, tf.Tensor>;

export interface LossAndGradients {
  readonly loss: tf.Scalar;
  readonly scalars: Readonly<Record<string, tf.Tensor>>;
  /** By parameter name; a parameter that the loss does not depend on has none. */
  readonly gradients: Gradients;
}

/**
 * Runs one phase's loss and its gradients. What the loss returns beside itself, or leaves in `context.kept`, outlives
 * the gradient's own scope and belongs to the caller's.
 */
export function lossAndGradients<Batch extends NamedTensors>(
  phase: TrainPhase<Batch>,
  parameters: ReadonlyMap<string, Parameter>,
  batch: Batch,
  context: LossContext,
): LossAndGradients {
  let scalars: Readonly<Record<string, tf.Tensor>> = {};
  const variables = [...parameters.values()].map(({ variable }) => variable);
  const { value, grads } = tf.variableGrads(() => {
    const result = phase.loss(batch, context);
    scalars = Object.fromEntries(Object.entries(result.scalars ?? {}).map(([name, scalar]) => [name, hold(scalar)]));
    for (const [name, tensor] of context.kept) context.kept.set(name, hold(tensor));
    return result.loss;
  }, variables);
  scalars = Object.fromEntries(Object.entries(scalars).map(([name, scalar]) => [name, release(scalar)]));
  for (const [name, tensor] of context.kept) context.kept.set(name, release(tensor));
  const gradients = new Map<string, tf.Tensor>();
  for (const [name, { variable }] of parameters) {
    const gradient = grads[variable.name];
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return { loss: value, scalars, gradients };
}

/** The square root of the sum of all squares. */
export function globalNorm(gradients: Gradients): tf.Scalar {
  const sums = [...gradients.values()].map((gradient) => tf.sum<tf.Scalar>(tf.square(gradient)));
  return tf.sqrt(sums.reduce((total, sum) => tf.add<tf.Scalar>(total, sum)));
}

/** `min(1, limit / (norm + 1e-6))`, the factor of torch's clip_grad_norm_. */
export function clipFactor(norm: tf.Scalar, limit: tf.Scalar | number): tf.Scalar {
  return tf.minimum(1, tf.div(limit, tf.add(norm, 1e-6)));
}

/** True unless the scalar is infinite or not a number. */
export function isFinite(scalar: tf.Scalar): tf.Scalar {
  return tf.lessEqual(tf.abs(scalar), largestFloat);
}

/** The largest finite float32. */
export const largestFloat = 3.4028234663852886e38;

/** A copy that the scopes inside a gradient do not dispose. */
function hold(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(tf.clone(tensor));
}

/** Hands a held tensor over to the current scope. */
function release(held: tf.Tensor): tf.Tensor {
  const tensor = tf.clone(held);
  held.dispose();
  return tensor;
}
