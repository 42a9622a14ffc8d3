// Timesteps drawn where the loss is large (Nichol and Dhariwal, arXiv 2102.09672, section 3.3).
import { type Checkpoint, ConfigError, type Rng, type TrainerPlugin, type TrainStep } from "@noisereel/core";
import type { TimestepSampler } from "./timesteps.js";

export interface LossSecondMomentOptions {
  /** Training timesteps of the schedule. Default 1000. */
  readonly steps?: number;
  /** Losses remembered of each timestep; until all have that many, timesteps are drawn uniformly. Default 10. */
  readonly remembered?: number;
  /** Share of the draws that stays uniform. Default 0.001. */
  readonly uniformShare?: number;
}

/** A timestep sampler that learns from the losses it led to. */
export interface LossAwareTimesteps extends TimestepSampler {
  /** True: a task must report each item's timestep and loss, as `textToVideoTask` does. */
  readonly needsLosses: true;
  /** Takes in losses before weighting, one for each timestep. Losses that are not finite are left out. */
  record(timesteps: ArrayLike<number>, losses: ArrayLike<number>): void;
  /** `[steps]`, the probability of each timestep at the next draw. */
  probabilities(): Float64Array;
  /** Feeds the losses of each training step back and keeps what was learned in checkpoints: give it to the trainer. */
  readonly plugin: TrainerPlugin;
}

/** Names of the scalars that a task reports for item `i` of its batch. */
export const itemScalars = {
  timestep: (item: number): string => `timestep.${item}`,
  loss: (item: number): string => `itemLoss.${item}`,
} as const;

/**
 * Draws timestep t with a probability that grows with the root of the mean square of its last losses, and weighs its loss with
 * `1 / (steps * probability)`, so that the mean of many losses is what uniform draws would give, at less noise. Made for the
 * KL forms of the loss, whose size differs by orders of magnitude between timesteps.
 *
 * One value serves one run. It learns only when its `plugin` is among the trainer's, and without accumulation, which averages
 * the items' losses.
 */
export function lossSecondMomentTimesteps(options: LossSecondMomentOptions = {}): LossAwareTimesteps {
  const { steps = 1000, remembered = 10, uniformShare = 0.001 } = options;
  for (const [name, value] of Object.entries({ steps, remembered })) {
    if (!Number.isInteger(value) || value < 1) throw new ConfigError(`${name} is ${value}; use a positive integer`);
  }
  if (!(uniformShare > 0 && uniformShare <= 1)) {
    throw new ConfigError(`uniformShare is ${uniformShare}; use a share above 0, such as 0.001, up to 1`);
  }
  /** `[steps, remembered]`, oldest first. */
  const history = new Float32Array(steps * remembered);
  const counts = new Int32Array(steps);

  const record = (timesteps: ArrayLike<number>, losses: ArrayLike<number>): void => {
    for (let i = 0; i < timesteps.length; i++) {
      const [timestep, loss] = [timesteps[i]!, losses[i]!];
      if (!Number.isInteger(timestep) || timestep < 0 || timestep >= steps) {
        throw new ConfigError(
          `a loss came for timestep ${timestep}; integers from 0 to ${steps - 1} were drawn, so train without accumulation, which averages items`,
        );
      }
      if (!Number.isFinite(loss)) continue;
      const row = history.subarray(timestep * remembered, (timestep + 1) * remembered);
      const known = Math.min(counts[timestep]!, remembered - 1);
      if (counts[timestep]! > known) row.copyWithin(0, 1);
      row[known] = loss;
      counts[timestep] = known + 1;
    }
  };

  const probabilities = (): Float64Array => {
    if (counts.some((count) => count < remembered)) return new Float64Array(steps).fill(1 / steps);
    const sizes = Float64Array.from({ length: steps }, (_, t) =>
      Math.sqrt(meanSquare(history.subarray(t * remembered, (t + 1) * remembered))),
    );
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total === 0) return sizes.fill(1 / steps);
    return sizes.map((size) => ((1 - uniformShare) * size) / total + uniformShare / steps);
  };

  const draw: TimestepSampler = (count, items, rng) => {
    if (count !== steps) {
      throw new ConfigError(`the schedule has ${count} timesteps but steps is ${steps}; make them equal`);
    }
    const chances = probabilities();
    const timesteps = Float32Array.from({ length: items }, () => drawIndex(chances, rng));
    return { timesteps, weights: timesteps.map((timestep) => 1 / (steps * chances[timestep]!)) };
  };

  const plugin: TrainerPlugin = {
    name: "loss-second-moment-timesteps",
    onStep({ scalars }: TrainStep) {
      const found: [number, number][] = [];
      for (let i = 0; itemScalars.loss(i) in scalars; i++) {
        found.push([scalars[itemScalars.timestep(i)]!, scalars[itemScalars.loss(i)]!]);
      }
      if (found.length === 0) {
        throw new ConfigError(
          "the task reports no losses of items; give this timestep sampler to the objective of a textToVideoTask",
        );
      }
      record(
        found.map(([timestep]) => timestep),
        found.map(([, loss]) => loss),
      );
    },
    state: (): Checkpoint => ({
      tensors: new Map([
        ["history", { dtype: "F32", shape: [steps, remembered], bytes: bytesOf(history) }],
        ["counts", { dtype: "I32", shape: [steps], bytes: bytesOf(counts) }],
      ]),
      meta: {},
    }),
    restore({ tensors }) {
      const [losses, numbers] = [tensors.get("history"), tensors.get("counts")];
      if (losses?.bytes.byteLength !== history.byteLength || numbers?.bytes.byteLength !== counts.byteLength) {
        throw new ConfigError(
          `the checkpoint remembers losses of shape [${losses?.shape.join(", ") ?? "none"}] but this run [${steps}, ${remembered}]; use the same steps and remembered`,
        );
      }
      history.set(new Float32Array(losses.bytes.slice().buffer));
      counts.set(new Int32Array(numbers.bytes.slice().buffer));
    },
  };
  return Object.assign(draw, { needsLosses: true as const, record, probabilities, plugin });
}

function meanSquare(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
}

/** An index with the probability that `chances` gives it. */
function drawIndex(chances: Float64Array, rng: Rng): number {
  let left = rng.uniform();
  for (const [index, chance] of chances.entries()) {
    left -= chance;
    if (left < 0) return index;
  }
  return chances.length - 1;
}

function bytesOf(values: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer.slice(0));
}
