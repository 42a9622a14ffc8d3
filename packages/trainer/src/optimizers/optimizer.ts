// What the trainer asks of an optimizer beyond the contract, so that a step can be traced once and run many times.
import type { Optimizer, OptimizerStep, Parameter } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";

export type NamedParameters = Iterable<readonly [name: string, parameter: Parameter]>;

export interface GuardedStep extends OptimizerStep {
  /**
   * Boolean scalar. When false the step must leave parameters and slots exactly as they are; the gradients are zeros and
   * the learning rate is 0 then. Left out, the step is applied.
   */
  readonly applied?: tf.Scalar;
}

/**
 * An optimizer that makes its slots ahead of the first step and honours `applied` by itself. Plain `Optimizer`s work
 * too: the trainer then puts the old values back after a step that must not count, which costs one more pass over
 * parameters and slots.
 */
export interface TracedOptimizer extends Optimizer {
  /** Makes the slots of these parameters; those that exist are kept. A slot cannot be made inside a trace. */
  prepare(parameters: NamedParameters): void;
  /** Makes the slots those of an optimizer that has not been used: called when a run begins anew. */
  reset(): void;
  apply(parameters: NamedParameters, gradients: ReadonlyMap<string, tf.Tensor>, step: GuardedStep): void;
}

export function isTraced(optimizer: Optimizer): optimizer is TracedOptimizer {
  return "prepare" in optimizer;
}
