// Gradient checkpointing (Chen et al., "Training deep nets with sublinear memory cost", arXiv 1604.06174): what a block computes
// is forgotten after the forward pass and computed again when its gradient is needed.
import * as tf from "@tensorflow/tfjs";
import type { Module } from "../module.js";
import { hasKernel, runKernel, withGradient } from "./fused.js";

export interface RecomputeOptions {
  /** What is differentiated. */
  readonly inputs: readonly tf.Tensor[];
  /** Further arguments of the block that have no gradient, such as masks. */
  readonly constants?: readonly tf.Tensor[];
  /** Holds the parameters that the block reads; others get no gradient. */
  readonly module: Module;
}

/**
 * `block(...inputs, ...constants)`, keeping nothing but these arguments for the gradient. Use it around the large blocks of a
 * model that is trained: the activations of one block at a time are held, for about one more forward pass.
 *
 * `block` must be a pure function of its arguments and the module's parameters, so draw random numbers outside. Values and
 * gradients are those of the plain call.
 */
export function recompute<T extends tf.Tensor>(block: (...all: tf.Tensor[]) => T, options: RecomputeOptions): T {
  const { inputs, constants = [], module } = options;
  const parameters: tf.Tensor[] = [];
  for (const [, parameter] of module.namedParameters()) if (parameter.trainable) parameters.push(parameter.variable);
  const split = inputs.length;
  return withGradient([...inputs, ...constants, ...parameters], (...given) => {
    const all = given.slice(0, split + constants.length);
    return {
      value: block(...all),
      saved: all,
      gradient: (dy, saved) => {
        const again = saved.slice(0, split).map((input) => after(input, dy));
        const rest = saved.slice(split);
        const gradients = innerGradients(() => block(...again, ...rest), [...again, ...parameters], dy);
        return [...gradients.slice(0, split), ...rest.map((x) => tf.zerosLike(x)), ...gradients.slice(split)];
      },
    };
  }) as T;
}

/** `x`, but not before `other` exists: a compiler would otherwise find that both passes compute the same, and keep it. */
function after(x: tf.Tensor, other: tf.Tensor): tf.Tensor {
  return hasKernel("nn.After") ? runKernel("nn.After", { x, other })[0]! : x;
}

/** Gradients within a gradient. tfjs has one tape, and the inner pass would take the outer one's place. */
function innerGradients(f: () => tf.Tensor, inputs: tf.Tensor[], dy: tf.Tensor): tf.Tensor[] {
  const engine = tf.engine();
  const { activeTape: outer } = engine.state;
  try {
    const { grads } = engine.gradients(f, inputs, dy, true);
    // Null for a parameter that the block does not read.
    return inputs.map((input, index) => (grads[index] as tf.Tensor | null) ?? tf.zerosLike(input));
  } finally {
    engine.state.activeTape = outer;
  }
}
