// How large a gradient may be when that is learnt from the gradients before it.
import { ConfigError, type JsonValue } from "@noisereel/core";

/** A limit on the gradients' global norm that may change from step to step. Its state is saved in checkpoints. */
export interface ClipRule {
  /** The limit of a phase's next step; above 0, Infinity for none. */
  limit(phase: string): number;
  /** Told the finite norm of each applied step, before clipping. */
  observe(phase: string, norm: number): void;
  state(): JsonValue;
  restore(state: JsonValue): void;
}

export interface AdaptiveClipOptions {
  /** Standard deviations above the average that are still normal; 0 or more. Default 3. */
  readonly deviations?: number;
  /** Decay per step of average and variance, in [0, 1). Default 0.99. */
  readonly decay?: number;
  /** Steps that are watched before anything is clipped. Default 50. */
  readonly warmUpSteps?: number;
  /** Never above this, also while warming up. Default Infinity. */
  readonly largest?: number;
}

interface Watched {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

/**
 * Clips only what is out of the ordinary: the limit is a running average of the norms plus some of their standard
 * deviations. A norm counts as no more than the limit it met, so that one bad batch does not raise the bar.
 */
export function adaptiveClip(options: AdaptiveClipOptions = {}): ClipRule {
  const { deviations = 3, decay = 0.99, warmUpSteps = 50, largest = Infinity } = options;
  if (!(deviations >= 0)) throw new ConfigError(`deviations is ${deviations}; use a number of 0 or more`);
  if (!(decay >= 0 && decay < 1)) throw new ConfigError(`decay is ${decay}; use a number from 0 to below 1`);
  if (!(Number.isInteger(warmUpSteps) && warmUpSteps >= 1)) {
    throw new ConfigError(`warmUpSteps is ${warmUpSteps}; use a whole number of 1 or more`);
  }
  if (!(largest > 0)) throw new ConfigError(`largest is ${largest}; use a number above 0`);
  const phases = new Map<string, Watched>();
  const limit = (phase: string): number => {
    const { count, mean, variance } = phases.get(phase) ?? nothing;
    if (count < warmUpSteps) return largest;
    return Math.min(largest, Math.max(mean + deviations * Math.sqrt(variance), Number.MIN_VALUE));
  };
  return {
    limit,
    observe(phase, norm) {
      const { count, mean, variance } = phases.get(phase) ?? nothing;
      const seen = Math.min(norm, limit(phase));
      // The first steps weigh alike, later ones by the decay.
      const weight = Math.max(1 - decay, 1 / (count + 1));
      const difference = seen - mean;
      phases.set(phase, {
        count: count + 1,
        mean: mean + weight * difference,
        variance: (1 - weight) * (variance + weight * difference * difference),
      });
    },
    state: () => Object.fromEntries([...phases].map(([phase, watched]) => [phase, { ...watched }])),
    restore(state) {
      phases.clear();
      for (const [phase, watched] of Object.entries(state as unknown as Readonly<Record<string, Watched>>))
        phases.set(phase, watched);
    },
  };
}

const nothing: Watched = { count: 0, mean: 0, variance: 0 };

/** The same limit for every step. */
export function fixedClip(norm: number): ClipRule {
  if (!(norm > 0)) throw new ConfigError(`clipNorm is ${norm}; use a number above 0, or leave it out for no clipping`);
  return { limit: () => norm, observe: () => undefined, state: () => null, restore: () => undefined };
}
