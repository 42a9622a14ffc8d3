// Lion: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2. One slot a parameter, half of Adam's.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { decayWeights, scaleByRate } from "./common-parts.js";
import type { ParameterGroup } from "./groups.js";
import type { TracedOptimizer } from "./optimizer.js";
import { chain, type UpdatePart } from "./parts.js";
import { SlotTable } from "./slots.js";

export interface LionOptions {
  /** Weight of the momentum in the direction, and its decay; each in [0, 1). Default [0.9, 0.99]. */
  readonly betas?: readonly [number, number];
  /** Share of a parameter taken off per step and unit of learning rate, in [0, 1). Default 0.01. */
  readonly weightDecay?: number;
  /** Parameters with settings of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[];
}

/**
 * `p <- p - lr (sign(b1 m + (1 - b1) g) + w p); m <- b2 m + (1 - b2) g`. Every element moves by the learning rate, so
 * it wants a rate 3 to 10 times smaller than AdamW's, and a decay as much larger.
 */
export function lion({ betas, weightDecay, groups }: LionOptions = {}): TracedOptimizer {
  return chain("lion", [signOfMomentum(betas), decayWeights({ weightDecay, groups }), scaleByRate({ groups })]);
}

/** The sign of the gradient mixed with its momentum: +1, -1 or 0 for each element. One slot a parameter. */
export function signOfMomentum(betas: readonly [number, number] = [0.9, 0.99]): UpdatePart {
  for (const beta of betas) {
    if (!(beta >= 0 && beta < 1)) throw new ConfigError(`betas holds ${beta}; use numbers from 0 to below 1`);
  }
  const [beta1, beta2] = betas;
  const slots = new SlotTable(["m"]);
  return {
    name: "signOfMomentum",
    slots,
    begin:
      ({ applied }) =>
      (update, name, parameter) => {
        const m = slots.of(name, parameter, "m").variable;
        const direction = tf.sign(tf.add(tf.mul(m, beta1), tf.mul(update, 1 - beta1)));
        const moved = tf.add(tf.mul(m, beta2), tf.mul(update, 1 - beta2));
        m.assign(applied === undefined ? moved : tf.where(applied, moved, m));
        return direction;
      },
  };
}
