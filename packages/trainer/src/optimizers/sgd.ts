// Stochastic gradient descent with momentum, as torch.optim.SGD (no dampening). One slot a parameter, none without momentum.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { decayWeights, scaleByRate } from "./common-parts.js";
import type { ParameterGroup } from "./groups.js";
import type { TracedOptimizer } from "./optimizer.js";
import { chain, type UpdatePart } from "./parts.js";
import { SlotTable } from "./slots.js";

export interface MomentumOptions {
  /** In [0, 1). Default 0.9. */
  readonly momentum?: number | undefined;
  /** Look ahead along the momentum (Nesterov). Default false. */
  readonly nesterov?: boolean | undefined;
}

export interface SgdOptions extends MomentumOptions {
  /** Share of the parameter added to its gradient, in [0, 1). Default 0. */
  readonly weightDecay?: number;
  /** Parameters with settings of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[];
}

/** `b <- momentum b + g + w p; p <- p - lr b`. */
export function sgd({ weightDecay = 0, groups, ...options }: SgdOptions = {}): TracedOptimizer {
  return chain("sgd", [decayWeights({ weightDecay, groups }), addMomentum(options), scaleByRate({ groups })]);
}

/** `b <- momentum b + g`, and b, or one step ahead of it, as the update. */
export function addMomentum({ momentum = 0.9, nesterov = false }: MomentumOptions = {}): UpdatePart {
  if (!(momentum >= 0 && momentum < 1))
    throw new ConfigError(`momentum is ${momentum}; use a number from 0 to below 1`);
  if (nesterov && momentum === 0) throw new ConfigError("nesterov is true but momentum is 0; use a momentum above 0");
  if (momentum === 0) return { name: "addMomentum", begin: () => (update) => update };
  const slots = new SlotTable(["momentum"]);
  return {
    name: "addMomentum",
    slots,
    begin:
      ({ applied }) =>
      (update, name, parameter) => {
        const { variable } = slots.of(name, parameter, "momentum");
        const moved = tf.add(tf.mul(variable, momentum), update);
        variable.assign(applied === undefined ? moved : tf.where(applied, moved, variable));
        return nesterov ? tf.add(update, tf.mul(moved, momentum)) : moved;
      },
  };
}
