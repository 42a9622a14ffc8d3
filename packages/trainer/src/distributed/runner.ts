// One step on several processes: each has a share of the micro-batches, and all apply the mean of their gradients.
import type { Executable, Executor, NamedTensors } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { splitItems } from "../accumulate.js";
import { batchInputs, stepInputs, type TrainStepOptions } from "../step.js";
import { stepScalars, type StepResult, type StepRunnerOptions } from "../step-runner.js";
import { BucketSum } from "./buckets.js";
import type { Collective } from "./collective.js";
import { halfInput, splitInputs, splitStepFunction } from "./step.js";

export interface DistributedRunnerOptions<Item, Batch extends NamedTensors> extends Omit<
  StepRunnerOptions<Item, Batch>,
  "executable"
> {
  readonly collective: Collective;
  readonly executor: Executor;
  readonly optimizers: TrainStepOptions<Batch>["optimizers"];
}

export interface DistributedStep<Item> {
  /** As `stepRunner`'s, with this process's share of the items. */
  readonly runStep: (items: readonly Item[], number: number, update: number) => Promise<StepResult>;
  readonly executable: Pick<Executable, "sync" | "dispose">;
}

interface Micro {
  readonly batch: NamedTensors;
  /** What earlier phases of this step kept. */
  kept: Record<string, tf.Tensor>;
}

/**
 * Micro-batch `i` of the `accumulate` of a step draws the same numbers whichever process has it, so that the number of
 * processes changes nothing but the order of a sum.
 */
export function distributedStep<Item, Batch extends NamedTensors>(
  options: DistributedRunnerOptions<Item, Batch>,
): DistributedStep<Item> {
  const { task, collective, executor, optimizers, clip, ema, accumulate, random, schedules } = options;
  const own = accumulate / collective.size;
  const step = splitStepFunction({
    task,
    optimizers,
    clip: clip !== undefined,
    share: 1 / accumulate,
    ...(ema === undefined ? {} : { ema }),
  });
  const executable = executor.compile(step, { name: `train ${task.name}` });
  const buckets = new BucketSum(collective);

  /** Sums of a phase over the micro-batches of all ranks, of which each makes its share of a mean. */
  async function meanGradients(phase: string, micros: readonly Micro[], number: number) {
    const sums = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>();
    for (const [index, micro] of micros.entries()) {
      const scalars = { [halfInput("gradients", phase)]: tf.scalar(0), [stepInputs.number]: tf.scalar(number) };
      const kept = Object.fromEntries(
        Object.entries(micro.kept).map(([key, value]) => [splitInputs.kept + key, value]),
      );
      const outputs = await executable.run({ ...batchInputs(micro.batch), ...kept, ...scalars });
      tf.dispose([scalars, micro.kept]);
      micro.kept = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        if (name.startsWith(splitInputs.kept)) {
          micro.kept[name.slice(splitInputs.kept.length)] = tensor;
          continue;
        }
        const values = (await tensor.data()) as Float32Array;
        tensor.dispose();
        const sum = sums.get(name);
        if (sum === undefined) sums.set(name, { shape: tensor.shape, values });
        else for (let i = 0; i < values.length; i++) sum.values[i]! += values[i]!;
        // Gradients are on their way while the ones behind them are still read and added up.
        if (index === micros.length - 1) await buckets.add((sum ?? { values }).values);
      }
    }
    await buckets.finish();
    return sums;
  }

  async function runStep(items: readonly Item[], number: number, update: number): Promise<StepResult> {
    const rates = new Map([...schedules].map(([phase, schedule]) => [phase, schedule(number)]));
    const scalars = stepScalars({ clip, ema }, number, update, rates);
    const draw = random(number).fork("prepare");
    const micros: Micro[] = [];
    const values: Record<string, number> = {};
    let finite = 1;
    try {
      for (const [index, group] of splitItems(items, own).entries()) {
        const place = collective.rank * own + index;
        const rng = accumulate === 1 ? draw : draw.fork(String(place));
        micros.push({ batch: await task.prepare(group, { step: number, rng }), kept: {} });
      }
      for (const { name: phase } of task.phases) {
        const sums = await meanGradients(phase, micros, number);
        const inputs: Record<string, tf.Tensor> = { [halfInput("apply", phase)]: tf.scalar(0) };
        for (const [name, { shape, values: mean }] of sums) {
          if (name.startsWith(splitInputs.gradient)) inputs[name] = tf.tensor(mean, [...shape]);
          else values[name] = mean[0]!;
        }
        for (const [name, value] of Object.entries(scalars)) inputs[name] = tf.scalar(value);
        inputs[splitInputs.loss] = tf.scalar(values[`loss.${phase}`]!);
        inputs[splitInputs.finite] = tf.scalar(finite);
        const outputs = await executable.run(inputs);
        for (const [name, tensor] of Object.entries(outputs)) values[name] = (await tensor.data())[0]!;
        tf.dispose([inputs, outputs]);
        finite = values["finite"]!;
      }
      return { values, rates };
    } finally {
      tf.dispose(micros.map(({ batch, kept }) => [batch, kept]));
    }
  }

  return { runStep, executable };
}
