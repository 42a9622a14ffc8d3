// One step on the host: items to batches, batches through the executable, scalars back as numbers.
import type { Executable, NamedTensors, Rng, TrainTask } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { splitItems } from "./accumulate.js";
import type { ClipRule } from "./clip.js";
import type { Ema } from "./ema.js";
import { largestFloat } from "./gradients.js";
import type { Schedule } from "./schedules.js";
import { batchInputs, stepInputs } from "./step.js";

export interface StepRunnerOptions<Item, Batch extends NamedTensors> {
  readonly task: TrainTask<Item, Batch>;
  readonly executable: Executable;
  /** The stream of a step. */
  readonly random: (step: number) => Rng;
  /** By phase. */
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly clip: ClipRule | undefined;
  readonly ema: Ema | undefined;
  /** Micro-batches a step. */
  readonly accumulate: number;
}

export interface StepResult {
  /** The step function's outputs. With micro-batches, the task's scalars are averages over them. */
  readonly values: Readonly<Record<string, number>>;
  /** Learning rate by phase. */
  readonly rates: ReadonlyMap<string, number>;
}

/**
 * A function that runs step `number` (from 0) on its items. `update` is the number of the step among those applied, from
 * 1. Nothing it makes is left on the backend.
 */
export function stepRunner<Item, Batch extends NamedTensors>(
  options: StepRunnerOptions<Item, Batch>,
): (items: readonly Item[], number: number, update: number) => Promise<StepResult> {
  const { task, executable, random, schedules, clip, ema, accumulate } = options;

  return async (items, number, update) => {
    const rates = new Map([...schedules].map(([phase, schedule]) => [phase, schedule(number)]));
    const scalars = stepScalars({ clip, ema }, number, update, rates);
    const draw = random(number).fork("prepare");
    if (accumulate === 1) {
      const batch = await task.prepare(items, { step: number, rng: draw });
      return { values: await runOnce(executable, batch, scalars), rates };
    }
    const results: Record<string, number>[] = [];
    for (const [index, group] of splitItems(items, accumulate).entries()) {
      const batch = await task.prepare(group, { step: number, rng: draw.fork(String(index)) });
      const place = { [stepInputs.first]: index === 0 ? 1 : 0, [stepInputs.last]: index === accumulate - 1 ? 1 : 0 };
      results.push(await runOnce(executable, batch, { ...scalars, ...place }));
    }
    return { values: combine(results), rates };
  };
}

/** Every scalar input but those of micro-batches. */
export function stepScalars(
  { clip, ema }: Pick<StepRunnerOptions<never, NamedTensors>, "clip" | "ema">,
  number: number,
  update: number,
  rates: ReadonlyMap<string, number>,
): Record<string, number> {
  const scalars: Record<string, number> = {
    [stepInputs.number]: number,
    [stepInputs.update]: update,
    [stepInputs.emaRate]: ema === undefined ? 0 : 1 - ema.decayAt(update),
  };
  for (const [phase, rate] of rates) {
    scalars[stepInputs.learningRate(phase)] = rate;
    if (clip !== undefined) scalars[stepInputs.clipNorm(phase)] = Math.min(clip.limit(phase), largestFloat);
  }
  return scalars;
}

/** Runs the executable on a batch, which it disposes, and reads the outputs. */
async function runOnce(
  executable: Executable,
  batch: NamedTensors,
  scalars: Readonly<Record<string, number>>,
): Promise<Record<string, number>> {
  const inputs = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tf.scalar(value)]));
  let outputs: Record<string, tf.Tensor> = {};
  try {
    outputs = await executable.run({ ...batchInputs(batch), ...inputs });
    const values: Record<string, number> = {};
    for (const [name, tensor] of Object.entries(outputs)) values[name] = (await tensor.data())[0]!;
    return values;
  } finally {
    tf.dispose([batch, inputs, outputs]);
  }
}

/** Losses and norms of the last micro-batch are those of the whole step already; the task's scalars are averaged. */
function combine(results: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const combined = { ...results.at(-1)! };
  for (const name of Object.keys(combined)) {
    if (!name.startsWith("scalar.")) continue;
    combined[name] = results.reduce((sum, values) => sum + values[name]!, 0) / results.length;
  }
  return combined;
}
