// Optimizers out of parts: each part changes a parameter's update, from its gradient to what is taken off the parameter.
import { ConfigError, type Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { GuardedStep, NamedParameters, TracedOptimizer } from "./optimizer.js";
import type { SlotTable } from "./slots.js";

/** A step as a part sees it. */
export interface PartStep extends GuardedStep {
  /** All gradients as they came to the optimizer, by parameter name. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
}

/** The update of one parameter, of the parameter's shape, made of the update that the part before made. */
export type ChangeUpdate = (update: tf.Tensor, name: string, parameter: Parameter) => tf.Tensor;

/**
 * One idea of an optimizer. Like an optimizer it runs eagerly and inside a trace: it draws nothing, reads nothing back, makes
 * its slots in `prepare` and leaves them as they are when `applied` is false.
 */
export interface UpdatePart {
  readonly name: string;
  /** What it remembers beside each parameter. Default nothing. */
  readonly slots?: SlotTable<string> | undefined;
  /** Called once a step, with what all parameters have in common; the result is called for each of them. */
  begin(step: PartStep): ChangeUpdate;
}

/**
 * The parts one after the other, from the gradient on; what comes out of the last is taken off the parameter, so the chain ends
 * with `scaleByRate()`. A parameter without a gradient is left alone. Throws ConfigError when two parts name a slot alike.
 *
 * @example
 * const adamW = chain("adamW", [clipByNorm(1), scaleByAdam(), decayWeights({ weightDecay: 0.01 }), scaleByRate()]);
 */
export function chain(name: string, parts: readonly UpdatePart[]): TracedOptimizer {
  if (parts.length === 0) throw new ConfigError(`optimizer ${name} has no parts; give it at least scaleByRate()`);
  const tables = parts.flatMap(({ slots }) => (slots === undefined ? [] : [slots]));
  const kinds = tables.flatMap((table) => table.kinds);
  const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index);
  if (twice !== undefined) {
    throw new ConfigError(`two parts of optimizer ${name} have slots named "${twice}"; leave one of them out`);
  }
  return {
    name,
    prepare(parameters: NamedParameters) {
      const all = [...parameters];
      for (const table of tables) table.prepare(all);
    },
    reset: () => tables.forEach((table) => table.reset()),
    *slots() {
      for (const table of tables) yield* table.entries();
    },
    dispose: () => tables.forEach((table) => table.dispose()),
    apply(parameters, gradients, step) {
      tf.tidy(() => {
        const changes = parts.map((part) => part.begin({ ...step, gradients }));
        for (const [own, parameter] of parameters) {
          const gradient = gradients.get(own);
          if (gradient === undefined) continue;
          tf.tidy(() => {
            const update = changes.reduce((before, change) => change(before, own, parameter), gradient);
            parameter.variable.assign(tf.sub(parameter.variable, update));
          });
        }
      });
    },
  };
}
