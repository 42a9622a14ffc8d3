// Parts that most optimizers share: clipping, weight decay, the learning rate.
import { ConfigError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { clipFactor, globalNorm } from "../gradients.js";
import { groupSettings, type ParameterGroup } from "./groups.js";
import type { UpdatePart } from "./parts.js";

/** Scales the update so that the norm of all gradients together is at most `limit`, above 0. `clipNorm` of a run does it too. */
export function clipByNorm(limit: number): UpdatePart {
  checkAbove("limit", limit, 1);
  return {
    name: "clipByNorm",
    begin({ gradients }) {
      const factor = clipFactor(globalNorm(gradients), limit);
      return (update) => tf.mul(update, factor);
    },
  };
}

/** Divides each parameter's update by its root mean square over `threshold`, where that is above 1 (Adafactor, section 6). */
export function clipByRms(threshold = 1): UpdatePart {
  checkAbove("threshold", threshold, 1);
  return {
    name: "clipByRms",
    begin: () => (update) => tf.div(update, tf.maximum(1, tf.div(rootMeanSquare(update), threshold))),
  };
}

/** Scales each update by the root mean square of its parameter, at least `smallest` (Adafactor, section 8). */
export function scaleByParameterSize(smallest = 1e-3): UpdatePart {
  checkAbove("smallest", smallest, 1e-3);
  return {
    name: "scaleByParameterSize",
    begin: () => (update, _, parameter) => tf.mul(update, tf.maximum(smallest, rootMeanSquare(parameter.variable))),
  };
}

export interface DecayOptions {
  /** Share of a parameter taken off per step and unit of learning rate, in [0, 1). Default 0.01. */
  readonly weightDecay?: number | undefined;
  /** Parameters with a decay of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[] | undefined;
}

/**
 * Adds `weightDecay` times the parameter to its update: decoupled decay behind the moments (AdamW), an L2 penalty when it stands
 * before them.
 */
export function decayWeights({ weightDecay = 0.01, groups = [] }: DecayOptions = {}): UpdatePart {
  const settingsOf = groupSettings(groups, weightDecay);
  return {
    name: "decayWeights",
    begin: () => (update, name, parameter) => {
      const { weightDecay: own } = settingsOf(name);
      return own === 0 ? update : tf.add(update, tf.mul(parameter.variable, own));
    },
  };
}

/** Multiplies by the step's learning rate, and by the factor of the parameter's group. The end of a chain. */
export function scaleByRate({ groups = [] }: Pick<DecayOptions, "groups"> = {}): UpdatePart {
  const settingsOf = groupSettings(groups, 0);
  return {
    name: "scaleByRate",
    begin:
      ({ learningRate }) =>
      (update, name) => {
        const { learningRate: factor } = settingsOf(name);
        return tf.mul(update, factor === 1 ? learningRate : tf.mul(learningRate, factor));
      },
  };
}

const rootMeanSquare = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.mean(tf.square(x)));

function checkAbove(name: string, value: number, example: number): void {
  if (!(value > 0 && Number.isFinite(value)))
    throw new ConfigError(`${name} is ${value}; use a number above 0, e.g. ${example}`);
}
