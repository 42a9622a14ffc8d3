// Which timesteps a sampler visits, and how noisy they are. Everything is a host-side number.
import { ConfigError, type NoiseSchedule } from "@noisereel/core";
import { roundHalfToEven, spaceTimesteps } from "../respacing.js";
import { linspace } from "../schedule.js";

/**
 * `leading`: evenly from 0 up, without the end. `trailing`: evenly from the last one down, without 0; the better choice for
 * few steps. `respaced`: from 0 to the last one, as improved DDPM respaces a schedule. Or the timesteps themselves,
 * descending, as many as `steps`.
 */
export type Spacing = "leading" | "trailing" | "respaced" | readonly number[];

/** Descending integer timesteps. `compat`: leading spacing with diffusers' whole-number stride, which starts low. */
export function integerTimesteps(schedule: NoiseSchedule, steps: number, spacing: Spacing, compat = false): number[] {
  const total = schedule.betas.length;
  if (typeof spacing !== "string") {
    if (spacing.length === steps) return [...spacing];
    throw new ConfigError(`spacing lists ${spacing.length} timesteps but steps is ${steps}; make them equal`);
  }
  if (spacing === "respaced") return spaceTimesteps(total, steps).toReversed();
  if (spacing === "trailing") {
    return Array.from({ length: steps }, (_, k) => roundHalfToEven(total - (k * total) / steps) - 1);
  }
  const stride = compat ? Math.floor(total / steps) : total / steps;
  return Array.from({ length: steps }, (_, k) => Math.floor((steps - 1 - k) * stride));
}

/** `steps` numbers from the last timestep down to 0, both included, not rounded. */
export function fractionalTimesteps(schedule: NoiseSchedule, steps: number): number[] {
  const last = schedule.betas.length - 1;
  return steps === 1 ? [last] : [...linspace(0, last, steps)].toReversed();
}

/** `steps` integers from the last timestep down, evenly, stopping before 0. */
export function roundedTimesteps(schedule: NoiseSchedule, steps: number): number[] {
  const most = schedule.betas.length - 1;
  if (steps > most) throw new ConfigError(`steps is ${steps}; this sampler can use at most ${most}`);
  const points = linspace(0, schedule.betas.length - 1, steps + 1);
  return [...points].map(roundHalfToEven).toReversed().slice(0, steps);
}

/** Noise per signal, `sqrt((1 - a) / a)`, of every training timestep. */
export function noiseRatios(schedule: NoiseSchedule): Float64Array {
  return schedule.alphasCumprod.map((a, timestep) => {
    if (a > 0) return Math.sqrt((1 - a) / a);
    throw new ConfigError(
      `schedule has no signal left at timestep ${timestep} and this sampler works with the ratio of noise to signal; use ddim or ddpm`,
    );
  });
}

/** Where the samplers that work with noise ratios go: fractional timesteps with their ratios, and 0 after the last. */
export function ratioWalk(
  schedule: NoiseSchedule,
  steps: number,
): { readonly timesteps: readonly number[]; readonly ratios: Float64Array; readonly sigmas: readonly number[] } {
  const timesteps = fractionalTimesteps(schedule, steps);
  const ratios = noiseRatios(schedule);
  return { timesteps, ratios, sigmas: [...timesteps.map((timestep) => interpolate(ratios, timestep)), 0] };
}

/** `alphasCumprod` at each of `timesteps`, and 1, clean, after the last. */
export function levelsOf({ alphasCumprod }: NoiseSchedule, timesteps: readonly number[]): readonly number[] {
  return [...timesteps.map((timestep) => alphasCumprod[timestep]!), 1];
}

/** `table` at a fractional index. */
export function interpolate(table: ArrayLike<number>, index: number): number {
  const low = Math.min(Math.max(Math.floor(index), 0), table.length - 1);
  const high = Math.min(low + 1, table.length - 1);
  return table[low]! + (index - low) * (table[high]! - table[low]!);
}

/** The fractional index at which the ascending `table` has `value`, within the table. */
export function indexOfValue(table: ArrayLike<number>, value: number): number {
  let low = 0;
  while (low < table.length - 2 && table[low + 1]! <= value) low++;
  const share = (value - table[low]!) / (table[low + 1]! - table[low]!);
  return low + Math.min(Math.max(share, 0), 1);
}
