// AdamW: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2; torch.optim.AdamW's numbers.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { decayWeights, scaleByRate } from "./common-parts.js";
import type { ParameterGroup } from "./groups.js";
import type { TracedOptimizer } from "./optimizer.js";
import { chain, type UpdatePart } from "./parts.js";
import { SlotTable } from "./slots.js";

export interface AdamOptions {
  /** Decay of the first and second moment, each in [0, 1). Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; above 0. Default 1e-8. */
  readonly epsilon?: number;
}

export interface AdamWOptions extends AdamOptions {
  /** Share of a parameter taken off per step and unit of learning rate, in [0, 1). Default 0.01. */
  readonly weightDecay?: number;
  /** Parameters with settings of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[];
}

/**
 * `p <- p - lr (m' / (sqrt(v') + epsilon) + w p)` with the bias-corrected moments m' and v'. Parameters without a gradient are
 * left alone, their decay included.
 */
export function adamW({ weightDecay, groups, ...moments }: AdamWOptions = {}): TracedOptimizer {
  return chain("adamW", [scaleByAdam(moments), decayWeights({ weightDecay, groups }), scaleByRate({ groups })]);
}

/** The gradient's first moment over the root of its second, both corrected for their start at 0. Two slots a parameter. */
export function scaleByAdam({ betas = [0.9, 0.999], epsilon = 1e-8 }: AdamOptions = {}): UpdatePart {
  for (const beta of betas) {
    if (!(beta >= 0 && beta < 1)) throw new ConfigError(`betas holds ${beta}; use numbers from 0 to below 1`);
  }
  if (!(epsilon > 0)) throw new ConfigError(`epsilon is ${epsilon}; use a number above 0, e.g. 1e-8`);
  const [beta1, beta2] = betas;
  const slots = new SlotTable(["m", "v"]);
  return {
    name: "scaleByAdam",
    slots,
    begin({ step, applied }) {
      const gated = (value: number, otherwise: number): tf.Tensor =>
        applied === undefined ? tf.scalar(value) : tf.where(applied, tf.scalar(value), tf.scalar(otherwise));
      const [keep1, take1] = [gated(beta1, 1), gated(1 - beta1, 0)];
      const [keep2, take2] = [gated(beta2, 1), gated(1 - beta2, 0)];
      // With the corrections c1 and c2, (m / c1) / (sqrt(v / c2) + epsilon) is (sqrt(c2) / c1) m / (sqrt(v) + epsilon sqrt(c2)).
      const root2 = tf.sqrt(biasCorrection(beta2, step));
      const size = tf.div(root2, biasCorrection(beta1, step));
      const floor = tf.mul(root2, epsilon);
      return (update, name, parameter) => {
        const m = slots.of(name, parameter, "m").variable;
        const v = slots.of(name, parameter, "v").variable;
        const first = tf.add(tf.mul(m, keep1), tf.mul(update, take1));
        const second = tf.add(tf.mul(v, keep2), tf.mul(tf.square(update), take2));
        m.assign(first);
        v.assign(second);
        return tf.div(tf.mul(first, size), tf.add(tf.sqrt(second), floor));
      };
    },
  };
}

/**
 * `1 - beta ** step` as `2 u / (1 + u)` with `u = tanh(-step ln(beta) / 2)`: the same number, without the digits that the
 * subtraction loses in float32 while it is small.
 */
function biasCorrection(beta: number, step: tf.Scalar): tf.Tensor {
  if (beta === 0) return tf.scalar(1);
  const u = tf.tanh(tf.mul(step, -Math.log(beta) / 2));
  return tf.div(tf.mul(u, 2), tf.add(u, 1));
}
