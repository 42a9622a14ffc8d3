// Noise schedules: how much of a sample is left at each training timestep. Host-side float64 data, no state.
import { ConfigError, type NoiseSchedule } from "@noisereel/core";

export interface ScheduleOptions {
  /** Training timesteps. Default 1000. */
  readonly steps?: number;
}

export interface LinearScheduleOptions extends ScheduleOptions {
  /** First noise variance. Default 1e-4 for 1000 steps, scaled by 1000 / steps for others. */
  readonly start?: number;
  /** Last noise variance. Default 0.02 for 1000 steps, scaled by 1000 / steps for others. */
  readonly end?: number;
}

/** Betas in a straight line (Ho et al., arXiv 2006.11239): the schedule of the reference, for training and sampling. */
export function linearSchedule(options: LinearScheduleOptions = {}): NoiseSchedule {
  const steps = checkedSteps(options.steps);
  const scale = 1000 / steps;
  return scheduleFromBetas("linear", linspace(options.start ?? 1e-4 * scale, options.end ?? 0.02 * scale, steps));
}

/** Square roots of the betas in a straight line, as Stable Diffusion. Defaults 0.00085 to 0.012. */
export function scaledLinearSchedule(options: LinearScheduleOptions = {}): NoiseSchedule {
  const steps = checkedSteps(options.steps);
  const roots = linspace(Math.sqrt(options.start ?? 0.00085), Math.sqrt(options.end ?? 0.012), steps);
  return scheduleFromBetas(
    "scaled-linear",
    roots.map((root) => root ** 2),
  );
}

/** `alphasCumprod` follows a squared cosine (Nichol and Dhariwal, arXiv 2102.09672, equation 17), betas at most 0.999. */
export function squaredCosineSchedule(options: ScheduleOptions = {}): NoiseSchedule {
  const steps = checkedSteps(options.steps);
  const remaining = (u: number) => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  const betas = Float64Array.from({ length: steps }, (_, i) =>
    Math.min(1 - remaining((i + 1) / steps) / remaining(i / steps), 0.999),
  );
  return scheduleFromBetas("squared-cosine", betas);
}

/** A schedule of any betas in [0, 1]. */
export function scheduleFromBetas(name: string, betas: ArrayLike<number>): NoiseSchedule {
  const values = Float64Array.from(betas);
  const bad = values.findIndex((beta) => !(beta >= 0 && beta <= 1));
  if (bad >= 0) throw new ConfigError(`betas[${bad}] is ${values[bad]}; noise variances lie in [0, 1]`);
  let product = 1;
  return { name, betas: values, alphasCumprod: values.map((beta) => (product *= 1 - beta)) };
}

/**
 * The same noise levels shifted and stretched so that the last timestep is pure noise (Lin et al., arXiv 2305.08891,
 * algorithm 1). A model trained so must predict the velocity or the sample: the noise says nothing at the last timestep.
 */
export function zeroTerminalSnr(schedule: NoiseSchedule): NoiseSchedule {
  const roots = schedule.alphasCumprod.map(Math.sqrt);
  const first = roots[0]!;
  const last = roots.at(-1)!;
  const squares = roots.map((root) => (((root - last) * first) / (first - last)) ** 2);
  squares[squares.length - 1] = 0;
  return scheduleFromBetas(
    `${schedule.name}, zero terminal SNR`,
    squares.map((square, i) => 1 - square / (i === 0 ? 1 : squares[i - 1]!)),
  );
}

/** Everything that the formulas of Gaussian diffusion look up by timestep, float64 (DDPM, arXiv 2006.11239, section 2). */
export interface DiffusionTables {
  readonly betas: Float64Array;
  readonly alphasCumprod: Float64Array;
  /** Shifted by one, starting with 1. */
  readonly alphasCumprodPrev: Float64Array;
  /** Shifted by one, ending with 0. */
  readonly alphasCumprodNext: Float64Array;
  readonly sqrtAlphasCumprod: Float64Array;
  readonly sqrtOneMinusAlphasCumprod: Float64Array;
  readonly logOneMinusAlphasCumprod: Float64Array;
  readonly sqrtRecipAlphasCumprod: Float64Array;
  readonly sqrtRecipm1AlphasCumprod: Float64Array;
  readonly posteriorVariance: Float64Array;
  /** With the second entry in place of the first, whose variance is 0. */
  readonly posteriorLogVarianceClipped: Float64Array;
  /** Factor on the clean sample in the posterior mean. */
  readonly posteriorMeanCoef1: Float64Array;
  /** Factor on the noisy sample in the posterior mean. */
  readonly posteriorMeanCoef2: Float64Array;
}

export function diffusionTables({ betas, alphasCumprod }: NoiseSchedule): DiffusionTables {
  const previous = alphasCumprod.map((_, t) => (t === 0 ? 1 : alphasCumprod[t - 1]!));
  const posteriorVariance = betas.map((beta, t) => (beta * (1 - previous[t]!)) / (1 - alphasCumprod[t]!));
  return {
    betas,
    alphasCumprod,
    alphasCumprodPrev: previous,
    alphasCumprodNext: alphasCumprod.map((_, t) => alphasCumprod[t + 1] ?? 0),
    sqrtAlphasCumprod: alphasCumprod.map(Math.sqrt),
    sqrtOneMinusAlphasCumprod: alphasCumprod.map((a) => Math.sqrt(1 - a)),
    logOneMinusAlphasCumprod: alphasCumprod.map((a) => Math.log(1 - a)),
    sqrtRecipAlphasCumprod: alphasCumprod.map((a) => Math.sqrt(1 / a)),
    sqrtRecipm1AlphasCumprod: alphasCumprod.map((a) => Math.sqrt(1 / a - 1)),
    posteriorVariance,
    posteriorLogVarianceClipped: posteriorVariance.map((variance, t) =>
      Math.log(t === 0 ? (posteriorVariance[1] ?? variance) : variance),
    ),
    posteriorMeanCoef1: betas.map((beta, t) => (beta * Math.sqrt(previous[t]!)) / (1 - alphasCumprod[t]!)),
    posteriorMeanCoef2: betas.map((beta, t) => ((1 - previous[t]!) * Math.sqrt(1 - beta)) / (1 - alphasCumprod[t]!)),
  };
}

/** `count` numbers from `start` to `end`, both included. */
export function linspace(start: number, end: number, count: number): Float64Array {
  if (count === 1) return Float64Array.of(start);
  return Float64Array.from({ length: count }, (_, i) =>
    i === count - 1 ? end : start + (i * (end - start)) / (count - 1),
  );
}

function checkedSteps(steps = 1000): number {
  if (!Number.isInteger(steps) || steps < 1) throw new ConfigError(`steps is ${steps}; use a positive integer`);
  return steps;
}
