// Adafactor: Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018.
import { ConfigError } from "@noisereel/core";
import { clipByRms, decayWeights, scaleByParameterSize, scaleByRate } from "./common-parts.js";
import { type FactoredOptions, scaleByFactoredMoments } from "./factored.js";
import type { ParameterGroup } from "./groups.js";
import type { TracedOptimizer } from "./optimizer.js";
import { chain } from "./parts.js";

export interface AdafactorOptions extends FactoredOptions {
  /** Root mean square that a parameter's update is clipped to, before size and rate; above 0. Default 1. */
  readonly clipThreshold?: number;
  /**
   * Make the rate relative to each parameter's root mean square, at least so much; above 0. Default 1e-3. False: the learning
   * rate as it is, as for AdamW.
   */
  readonly relativeTo?: number | false;
  /** Share of a parameter taken off per step and unit of learning rate, in [0, 1). Default 0. */
  readonly weightDecay?: number;
  /** Parameters with settings of their own; the first match counts. */
  readonly groups?: readonly ParameterGroup[];
}

/**
 * Algorithm 4 of the paper, without a first moment: what it keeps of a matrix is one number for each row and column, a thousandth
 * of Adam's memory for a large one. The learning rate is relative to the parameters' size, 1e-2 to 1e-3 in most uses.
 */
export function adafactor(options: AdafactorOptions = {}): TracedOptimizer {
  const { clipThreshold = 1, relativeTo = 1e-3, weightDecay = 0, groups, ...moments } = options;
  if (relativeTo !== false && !(relativeTo > 0)) {
    throw new ConfigError(`relativeTo is ${relativeTo}; use a number above 0, e.g. 1e-3, or false`);
  }
  return chain("adafactor", [
    scaleByFactoredMoments(moments),
    clipByRms(clipThreshold),
    ...(relativeTo === false ? [] : [scaleByParameterSize(relativeTo)]),
    decayWeights({ weightDecay, groups }),
    scaleByRate({ groups }),
  ]);
}
