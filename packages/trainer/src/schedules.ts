// Learning rate by step. A schedule is a function, so any other one is as easy.
import { ConfigError } from "@noisereel/core";

/** The learning rate of step `step`, counted from 0. */
export type Schedule = (step: number) => number;

export interface WarmUp {
  /** The rate after the warm-up, the largest of the run; above 0. */
  readonly peak: number;
  /** Steps in which the rate rises linearly from 0. Default 0. */
  readonly warmUpSteps?: number;
}

export interface Decay extends WarmUp {
  /** Steps of the whole run; the rate has reached its floor there. */
  readonly totalSteps: number;
  /** The lowest rate. Default 0. */
  readonly floor?: number;
}

/** `peak` after the warm-up. */
export function constant(options: WarmUp): Schedule {
  checkWarmUp(options);
  return (step) => options.peak * rise(step, options);
}

/** A straight line from `peak` down to `floor`. */
export function linear(options: Decay): Schedule {
  checkDecay(options);
  return (step) =>
    step < (options.warmUpSteps ?? 0) ? options.peak * rise(step, options) : fall(options, 1 - passed(step, options));
}

/** Half a cosine from `peak` down to `floor`. */
export function cosine(options: Decay): Schedule {
  checkDecay(options);
  return (step) =>
    step < (options.warmUpSteps ?? 0)
      ? options.peak * rise(step, options)
      : fall(options, (1 + Math.cos(Math.PI * passed(step, options))) / 2);
}

export interface WarmUpStableDecay extends Decay {
  /** Steps of the straight line at the end. Default a tenth of `totalSteps`. */
  readonly decaySteps?: number;
}

/** Warm-up, a long constant part, and a straight line down to `floor` at the end (Hu et al., MiniCPM, 2024). */
export function warmUpStableDecay(options: WarmUpStableDecay): Schedule {
  checkDecay(options);
  const decaySteps = options.decaySteps ?? Math.ceil(options.totalSteps / 10);
  if (!(
    Number.isInteger(decaySteps) &&
    decaySteps > 0 &&
    decaySteps + (options.warmUpSteps ?? 0) <= options.totalSteps
  )) {
    throw new ConfigError(
      `decaySteps is ${decaySteps}; use a whole number of steps that fits after the warm-up into ${options.totalSteps}`,
    );
  }
  const start = options.totalSteps - decaySteps;
  return (step) =>
    step <= start
      ? options.peak * rise(step, options)
      : fall(options, Math.max(0, (options.totalSteps - step) / decaySteps));
}

/** The share of the full rate during the warm-up, 1 after it. */
function rise(step: number, { warmUpSteps = 0 }: WarmUp): number {
  return step < warmUpSteps ? step / warmUpSteps : 1;
}

/** The share of the decay that has passed, from 0 to 1. */
function passed(step: number, { warmUpSteps = 0, totalSteps }: Decay): number {
  return Math.min(1, (step - warmUpSteps) / Math.max(1, totalSteps - warmUpSteps));
}

function fall({ peak, floor = 0 }: Decay, share: number): number {
  return floor + (peak - floor) * share;
}

function checkWarmUp({ peak, warmUpSteps = 0 }: WarmUp): void {
  if (!(peak > 0 && Number.isFinite(peak))) throw new ConfigError(`peak is ${peak}; use a number above 0, e.g. 1e-4`);
  if (!(Number.isInteger(warmUpSteps) && warmUpSteps >= 0)) {
    throw new ConfigError(`warmUpSteps is ${warmUpSteps}; use a whole number of steps, 0 or more`);
  }
}

function checkDecay(options: Decay): void {
  checkWarmUp(options);
  const { peak, floor = 0, totalSteps, warmUpSteps = 0 } = options;
  if (!(Number.isInteger(totalSteps) && totalSteps >= warmUpSteps && totalSteps > 0)) {
    throw new ConfigError(
      `totalSteps is ${totalSteps}; use a whole number of at least the warm-up's ${warmUpSteps} steps`,
    );
  }
  if (!(floor >= 0 && floor <= peak)) throw new ConfigError(`floor is ${floor}; use a rate from 0 to ${peak}`);
}
