// Stochastic gradient descent with momentum, as torch.optim.SGD (no dampening). One slot a parameter, none without momentum.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { groupSettings, type ParameterGroup } from "./groups.js";
import type { TracedOptimizer } from "./optimizer.js";
import { SlotTable } from "./slots.js";

export interface SgdOptions {
  /** In [0, 1). Default 0.9. */
  readonly momentum?: number;
  /** Look ahead along the momentum (Nesterov). Default false. */
  readonly nesterov?: boolean;
  /** Share of the parameter added to its gradient, in [0, 1). Default 0. */
  readonly weightDecay?: number;
  /** Parameters with settings of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[];
}

/** `b <- momentum b + g + w p; p <- p - lr b`. */
export function sgd(options: SgdOptions = {}): TracedOptimizer {
  const momentum = options.momentum ?? 0.9;
  const nesterov = options.nesterov ?? false;
  if (!(momentum >= 0 && momentum < 1))
    throw new ConfigError(`momentum is ${momentum}; use a number from 0 to below 1`);
  if (nesterov && momentum === 0) throw new ConfigError("nesterov is true but momentum is 0; use a momentum above 0");
  const settingsOf = groupSettings(options.groups ?? [], options.weightDecay ?? 0);
  const slots = new SlotTable(["momentum"]);
  return {
    name: "sgd",
    prepare(parameters) {
      if (momentum > 0) slots.prepare(parameters);
    },
    reset: () => slots.reset(),
    slots: () => slots.entries(),
    dispose: () => slots.dispose(),
    apply(parameters, gradients, { learningRate, applied }) {
      for (const [name, parameter] of parameters) {
        const gradient = gradients.get(name);
        if (gradient === undefined) continue;
        const group = settingsOf(name);
        tf.tidy(() => {
          const decayed =
            group.weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(parameter.variable, group.weightDecay));
          let direction = decayed;
          if (momentum > 0) {
            const { variable } = slots.of(name, parameter).momentum;
            const moved = tf.add(tf.mul(variable, momentum), decayed);
            direction = nesterov ? tf.add(decayed, tf.mul(moved, momentum)) : moved;
            variable.assign(applied === undefined ? moved : tf.where(applied, moved, variable));
          }
          const rate = group.learningRate === 1 ? learningRate : tf.mul(learningRate, group.learningRate);
          parameter.variable.assign(tf.sub(parameter.variable, tf.mul(direction, rate)));
        });
      }
    },
  };
}
