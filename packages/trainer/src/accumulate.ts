// Gradients of several micro-batches added up, for batches that do not fit into memory at once.
import { ConfigError, Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { Gradients } from "./gradients.js";
import { SlotTable } from "./optimizers/slots.js";

/**
 * Sums over the micro-batches of a step. It is state of the step function: each micro-batch is one run of the same
 * function, and only the last one of a step is applied. Nothing of it outlives a step, so checkpoints do not hold it.
 */
export class GradientAccumulator {
  /** Micro-batches a step. */
  readonly count: number;
  readonly #sums = new SlotTable(["sum"]);
  readonly #losses = new Map<string, Parameter>();

  constructor(count: number) {
    if (!(Number.isInteger(count) && count >= 1)) {
      throw new ConfigError(`accumulate is ${count}; use a whole number of 1 or more`);
    }
    this.count = count;
  }

  /** Makes the sums of a phase; not possible inside a trace. */
  prepare(phase: string, parameters: ReadonlyMap<string, Parameter>): void {
    this.#sums.prepare(prefixed(phase, parameters));
    this.#losses.set(phase, new Parameter([], { trainable: false }));
  }

  /** Adds a micro-batch's share; `first` is a boolean scalar, true at a step's first one. Returns the sums so far. */
  add(
    phase: string,
    parameters: ReadonlyMap<string, Parameter>,
    given: { readonly loss: tf.Scalar; readonly gradients: Gradients },
    first: tf.Scalar,
  ): { readonly loss: tf.Scalar; readonly gradients: Gradients } {
    const next = <T extends tf.Tensor>({ variable }: Parameter, value: T): T => {
      // Not a product with 0: a sum that is not finite has to go away.
      const before = tf.where(first, tf.zerosLike(variable), variable);
      const sum = tf.add<T>(before, tf.div(value, this.count));
      variable.assign(sum);
      return sum;
    };
    const gradients = new Map<string, tf.Tensor>();
    for (const [name, gradient] of given.gradients) {
      gradients.set(name, next(this.#sums.of(`${phase}.${name}`, parameters.get(name)!, "sum"), gradient));
    }
    return { loss: next(this.#losses.get(phase)!, given.loss), gradients };
  }

  dispose(): void {
    this.#sums.dispose();
    for (const loss of this.#losses.values()) loss.dispose();
  }
}

function prefixed(phase: string, parameters: ReadonlyMap<string, Parameter>): [string, Parameter][] {
  return [...parameters].map(([name, parameter]) => [`${phase}.${name}`, parameter]);
}

/** `count` groups of equal size, in order. */
export function splitItems<Item>(items: readonly Item[], count: number): (readonly Item[])[] {
  if (items.length % count !== 0) {
    throw new ConfigError(
      `a step has ${items.length} items, which do not divide into ${count} micro-batches; return a multiple of ${count} from items()`,
    );
  }
  const size = items.length / count;
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
