// An exponential moving average of weights, kept beside them.
import { ConfigError, type Module, Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

export interface EmaOptions {
  /** Largest decay per update, in [0, 1). Default 0.9999. */
  readonly decay?: number;
  /**
   * How the decay rises to its largest value. Default true: update n (from 1) uses `min(decay, n / (9 + n))`, and the
   * first one copies the weights. A power p uses `1 - n ** -p` instead (p = 3/4 suits runs beyond a million updates).
   * False: the same decay from the first update. All three are the rules of diffusers' EMAModel.
   */
  readonly warmUp?: boolean | { readonly power: number };
}

/** A shadow of the trainable parameters of some modules. */
export class Ema {
  /** Under the keys they have in the task, so that a checkpoint names both alike. */
  readonly modules: Readonly<Record<string, Module>>;
  readonly #options: { readonly decay: number; readonly warmUp: boolean | { readonly power: number } };
  readonly #shadows: readonly (readonly [parameter: Parameter, shadow: Parameter])[];

  constructor(modules: Readonly<Record<string, Module>>, options: EmaOptions = {}) {
    this.modules = modules;
    this.#options = { decay: options.decay ?? 0.9999, warmUp: options.warmUp ?? true };
    const { decay, warmUp } = this.#options;
    if (!(decay >= 0 && decay < 1)) throw new ConfigError(`decay is ${decay}; use a number from 0 to below 1`);
    if (typeof warmUp === "object" && !(warmUp.power > 0)) {
      throw new ConfigError(`warmUp.power is ${warmUp.power}; use a number above 0, e.g. 0.75`);
    }
    this.#shadows = Object.values(modules).flatMap((module) =>
      [...module.namedParameters()]
        .filter(([, parameter]) => parameter.trainable)
        .map(([, parameter]) => [parameter, new Parameter(parameter.shape, { trainable: false })] as const),
    );
    this.reset();
  }

  /** The decay of update `count`, from 1. */
  decayAt(count: number): number {
    const { decay, warmUp } = this.#options;
    if (warmUp === false) return decay;
    if (count <= 1) return 0;
    return Math.min(decay, warmUp === true ? count / (9 + count) : 1 - count ** -warmUp.power);
  }

  /** The averaged parameters themselves. */
  shadows(): readonly Parameter[] {
    return this.#shadows.map(([, shadow]) => shadow);
  }

  /** Makes the shadow equal to the weights. */
  reset(): void {
    for (const [parameter, shadow] of this.#shadows) shadow.variable.assign(parameter.variable);
  }

  /** `shadow += rate (weight - shadow)`; `rate` is a scalar, 1 - decay. Runs inside a trace. */
  update(rate: tf.Scalar): void {
    for (const [{ variable }, shadow] of this.#shadows) {
      tf.tidy(() => shadow.variable.assign(tf.add(shadow.variable, tf.mul(tf.sub(variable, shadow.variable), rate))));
    }
  }

  /** Exchanges weights and shadow without copying a value. Twice is once back. */
  swap(): void {
    tf.tidy(() => {
      for (const [{ variable }, shadow] of this.#shadows) {
        const weights = tf.clone(variable);
        variable.assign(shadow.variable);
        shadow.variable.assign(weights);
      }
    });
  }

  /** Writes the averaged weights of the module under `key` into another module of the same kind, e.g. one to sample from. */
  async copyTo(key: string, target: Module): Promise<void> {
    const source = this.modules[key];
    if (source === undefined) {
      throw new ConfigError(`key is "${key}" but the average covers ${Object.keys(this.modules).join(", ")}`);
    }
    target.loadStateDict(await withEma(this, () => source.stateDict()));
  }

  dispose(): void {
    for (const [, shadow] of this.#shadows) shadow.dispose();
  }
}

/** A moving average of `modules`, which are keyed as in the task. It starts as a copy. */
export function ema(modules: Readonly<Record<string, Module>>, options: EmaOptions = {}): Ema {
  return new Ema(modules, options);
}

/**
 * Runs `fn` while the modules hold the averaged weights, and puts the trained ones back whatever happens. Within a run
 * call it between steps, after `run.sync()`.
 */
export async function withEma<T>(average: Ema, fn: () => T | Promise<T>): Promise<T> {
  average.swap();
  try {
    return await fn();
  } finally {
    average.swap();
  }
}
