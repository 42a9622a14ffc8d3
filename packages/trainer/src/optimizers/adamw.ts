// AdamW: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019; the order of operations is torch.optim.AdamW's.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { groupSettings, type GroupSettings, type ParameterGroup } from "./groups.js";
import type { GuardedStep, TracedOptimizer } from "./optimizer.js";
import { SlotTable } from "./slots.js";

export interface AdamWOptions {
  /** Decay of the first and second moment, each in [0, 1). Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second moment; above 0. Default 1e-8. */
  readonly epsilon?: number;
  /** Share of a parameter taken off per step and unit of learning rate, in [0, 1). Default 0.01. */
  readonly weightDecay?: number;
  /** Parameters with settings of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[];
}

/**
 * `p <- p (1 - lr w) - lr m' / (sqrt(v') + epsilon)` with the bias-corrected moments m' and v'. Parameters without a
 * gradient are left alone, their decay included.
 */
export function adamW(options: AdamWOptions = {}): TracedOptimizer {
  const [beta1, beta2] = options.betas ?? [0.9, 0.999];
  const epsilon = options.epsilon ?? 1e-8;
  for (const beta of [beta1, beta2]) {
    if (!(beta >= 0 && beta < 1)) throw new ConfigError(`betas holds ${beta}; use numbers from 0 to below 1`);
  }
  if (!(epsilon > 0)) throw new ConfigError(`epsilon is ${epsilon}; use a number above 0, e.g. 1e-8`);
  const settingsOf = groupSettings(options.groups ?? [], options.weightDecay ?? 0.01);
  const slots = new SlotTable(["m", "v"]);
  return {
    name: "adamW",
    prepare: (parameters) => slots.prepare(parameters),
    reset: () => slots.reset(),
    slots: () => slots.entries(),
    dispose: () => slots.dispose(),
    apply(parameters, gradients, step) {
      tf.tidy(() => {
        const factors = stepFactors(step, beta1, beta2, epsilon);
        for (const [name, parameter] of parameters) {
          const gradient = gradients.get(name);
          if (gradient === undefined) continue;
          const { m, v } = slots.of(name, parameter);
          const { stepSize, shrink } = factors.of(settingsOf(name));
          tf.tidy(() => {
            const first = tf.add(tf.mul(m.variable, factors.keep1), tf.mul(gradient, factors.take1));
            const second = tf.add(tf.mul(v.variable, factors.keep2), tf.mul(tf.square(gradient), factors.take2));
            const change = tf.div(tf.mul(first, stepSize), tf.add(tf.sqrt(second), factors.epsilon));
            const shrunk = shrink === undefined ? parameter.variable : tf.mul(parameter.variable, shrink);
            m.variable.assign(first);
            v.variable.assign(second);
            parameter.variable.assign(tf.sub(shrunk, change));
          });
        }
      });
    },
  };
}

/**
 * Everything that is the same for all parameters, worked out once a step: with the corrections c1 and c2 the update
 * `lr (m / c1) / (sqrt(v / c2) + epsilon)` is `(lr sqrt(c2) / c1) m / (sqrt(v) + epsilon sqrt(c2))`.
 */
function stepFactors(step: GuardedStep, beta1: number, beta2: number, epsilon: number) {
  const { applied } = step;
  const gated = (value: number, otherwise: number): tf.Tensor =>
    applied === undefined ? tf.scalar(value) : tf.where(applied, tf.scalar(value), tf.scalar(otherwise));
  const root2 = tf.sqrt(biasCorrection(beta2, step.step));
  const stepSize = tf.div(tf.mul(step.learningRate, root2), biasCorrection(beta1, step.step));
  const byGroup = new Map<GroupSettings, { readonly stepSize: tf.Tensor; readonly shrink: tf.Tensor | undefined }>();
  return {
    keep1: gated(beta1, 1),
    take1: gated(1 - beta1, 0),
    keep2: gated(beta2, 1),
    take2: gated(1 - beta2, 0),
    epsilon: tf.mul(root2, epsilon),
    of(group: GroupSettings) {
      const known = byGroup.get(group);
      if (known !== undefined) return known;
      const decay = group.learningRate * group.weightDecay;
      const made = {
        stepSize: group.learningRate === 1 ? stepSize : tf.mul(stepSize, group.learningRate),
        shrink: decay === 0 ? undefined : tf.sub(1, tf.mul(step.learningRate, decay)),
      };
      byGroup.set(group, made);
      return made;
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
