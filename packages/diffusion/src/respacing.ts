// Training schedules with fewer timesteps (Nichol and Dhariwal, arXiv 2102.09672, section 4).
import { ConfigError, type NoiseSchedule } from "@noisereel/core";
import { scheduleFromBetas } from "./schedule.js";

export interface RespacedSchedule extends NoiseSchedule {
  /** The training timestep of each timestep of this schedule: what the network is given. */
  readonly timesteps: readonly number[];
}

/**
 * Timesteps to keep, ascending. `spec`: a count; a list of counts, one for each of as many equal sections; or `"ddimN"`,
 * the integer stride with exactly N values.
 */
export function spaceTimesteps(total: number, spec: number | readonly number[] | `ddim${number}`): number[] {
  if (typeof spec === "string") return ddimTimesteps(total, Number(spec.slice(4)));
  const sections = typeof spec === "number" ? [spec] : spec;
  const kept: number[] = [];
  const size = Math.floor(total / sections.length);
  const extra = total % sections.length;
  let start = 0;
  for (const [i, count] of sections.entries()) {
    const length = size + (i < extra ? 1 : 0);
    if (!Number.isInteger(count) || count < 1 || count > length) {
      throw new ConfigError(`spec asks for ${count} of ${length} timesteps; use 1 to ${length}`);
    }
    // The position is accumulated and rounded to even, as the reference does: other ways of writing it differ in places.
    const stride = count === 1 ? 1 : (length - 1) / (count - 1);
    let position = 0;
    for (let step = 0; step < count; step++) {
      kept.push(start + roundHalfToEven(position));
      position += stride;
    }
    start += length;
  }
  return kept;
}

/** The schedule that visits only `timesteps` (ascending) and has the same noise level at each of them. */
export function respace(schedule: NoiseSchedule, timesteps: readonly number[]): RespacedSchedule {
  const total = schedule.betas.length;
  let previous = 1;
  const betas = timesteps.map((timestep, i) => {
    const level = schedule.alphasCumprod[timestep];
    if (level === undefined || (i > 0 && timestep <= timesteps[i - 1]!)) {
      throw new ConfigError(`timesteps[${i}] is ${timestep}; list integers from 0 to ${total - 1} in ascending order`);
    }
    const beta = 1 - level / previous;
    previous = level;
    return beta;
  });
  return { ...scheduleFromBetas(`${schedule.name}, ${timesteps.length} of ${total}`, betas), timesteps };
}

/** Rounds halves to the even neighbour. */
export function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function ddimTimesteps(total: number, count: number): number[] {
  for (let stride = 1; stride < total; stride++) {
    if (Math.ceil(total / stride) === count) {
      return Array.from({ length: count }, (_, i) => i * stride);
    }
  }
  throw new ConfigError(`spec is ddim${count} but no integer stride gives ${count} of ${total} timesteps; use a count`);
}
