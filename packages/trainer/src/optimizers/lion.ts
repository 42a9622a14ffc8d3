// Lion: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2. One slot a parameter, half of Adam's.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { groupSettings, type ParameterGroup } from "./groups.js";
import type { TracedOptimizer } from "./optimizer.js";
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
export function lion(options: LionOptions = {}): TracedOptimizer {
  const [beta1, beta2] = options.betas ?? [0.9, 0.99];
  for (const beta of [beta1, beta2]) {
    if (!(beta >= 0 && beta < 1)) throw new ConfigError(`betas holds ${beta}; use numbers from 0 to below 1`);
  }
  const settingsOf = groupSettings(options.groups ?? [], options.weightDecay ?? 0.01);
  const slots = new SlotTable(["m"]);
  return {
    name: "lion",
    prepare: (parameters) => slots.prepare(parameters),
    reset: () => slots.reset(),
    slots: () => slots.entries(),
    dispose: () => slots.dispose(),
    apply(parameters, gradients, { learningRate, applied }) {
      for (const [name, parameter] of parameters) {
        const gradient = gradients.get(name);
        if (gradient === undefined) continue;
        const { m } = slots.of(name, parameter);
        const group = settingsOf(name);
        tf.tidy(() => {
          const rate = group.learningRate === 1 ? learningRate : tf.mul(learningRate, group.learningRate);
          const direction = tf.sign(tf.add(tf.mul(m.variable, beta1), tf.mul(gradient, 1 - beta1)));
          const moved = tf.add(tf.mul(m.variable, beta2), tf.mul(gradient, 1 - beta2));
          const shrunk =
            group.weightDecay === 0
              ? parameter.variable
              : tf.mul(parameter.variable, tf.sub(1, tf.mul(rate, group.weightDecay)));
          parameter.variable.assign(tf.sub(shrunk, tf.mul(direction, rate)));
          m.variable.assign(applied === undefined ? moved : tf.where(applied, moved, m.variable));
        });
      }
    },
  };
}
