// One step on several processes: each has a share of the micro-batches, and all apply the mean of their gradients.
import type { Executable, Executor, NamedTensors } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { splitItems } from "../accumulate.js";
import { batchInputs, stepInputs, type TrainStepOptions } from "../step.js";
import { stepScalars, type StepResult, type StepRunnerOptions } from "../step-runner.js";
import { BucketSum } from "./buckets.js";
import type { Collective } from "./collective.js";
import { splitInputs, splitStepFunctions } from "./step.js";

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
  const split = splitStepFunctions({
    task,
    optimizers,
    clip: clip !== undefined,
    ...(ema === undefined ? {} : { ema }),
  });
  const compiled = split.phases.map(({ name, gradients, apply }) => ({
    name,
    gradients: executor.compile(gradients, { name: `gradients of ${task.name}.${name}` }),
    apply: executor.compile(apply, { name: `update of ${task.name}.${name}` }),
  }));
  const average =
    split.average === undefined ? undefined : executor.compile(split.average, { name: `average of ${task.name}` });
  const all = [...compiled.flatMap(({ gradients, apply }) => [gradients, apply]), ...(average ? [average] : [])];
  // Executables that assign hold state of their own: the others must see it.
  const publish = async (executable: Executable): Promise<void> => executable.sync();

  const buckets = new BucketSum(collective);

  /** Sums of a phase over the micro-batches of all ranks, each divided by their number. */
  async function meanGradients(phase: (typeof compiled)[number], micros: readonly Micro[], number: number) {
    const sums = new Map<string, { readonly shape: readonly number[]; readonly values: Float32Array }>();
    for (const [index, micro] of micros.entries()) {
      const scalar = tf.scalar(number);
      const kept = Object.fromEntries(
        Object.entries(micro.kept).map(([key, value]) => [splitInputs.kept + key, value]),
      );
      const outputs = await phase.gradients.run({
        ...batchInputs(micro.batch),
        ...kept,
        [stepInputs.number]: scalar,
      });
      scalar.dispose();
      tf.dispose(micro.kept);
      micro.kept = {};
      for (const [name, tensor] of Object.entries(outputs)) {
        if (name.startsWith(splitInputs.kept)) {
          micro.kept[name.slice(splitInputs.kept.length)] = tensor;
          continue;
        }
        const values = (await tensor.data()) as Float32Array;
        const sum = sums.get(name) ?? { shape: tensor.shape, values: new Float32Array(values.length) };
        sums.set(name, sum);
        for (let i = 0; i < values.length; i++) sum.values[i]! += values[i]! / accumulate;
        tensor.dispose();
        // Gradients are on their way while the ones behind them are still read and added up.
        if (index === micros.length - 1) await buckets.add(sum.values);
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
      for (const phase of compiled) {
        const sums = await meanGradients(phase, micros, number);
        const inputs: Record<string, tf.Tensor> = {};
        for (const [name, { shape, values: mean }] of sums) {
          if (name.startsWith(splitInputs.gradient)) inputs[name] = tf.tensor(mean, [...shape]);
          else values[name] = mean[0]!;
        }
        for (const [name, value] of Object.entries(scalars)) inputs[name] = tf.scalar(value);
        inputs[splitInputs.loss] = tf.scalar(values[`loss.${phase.name}`]!);
        inputs[splitInputs.finite] = tf.scalar(finite);
        const outputs = await phase.apply.run(inputs);
        for (const [name, tensor] of Object.entries(outputs)) values[name] = (await tensor.data())[0]!;
        tf.dispose([inputs, outputs]);
        await publish(phase.apply);
        finite = values["finite"]!;
      }
      if (average !== undefined) {
        const inputs = {
          [stepInputs.emaRate]: tf.scalar(scalars[stepInputs.emaRate]!),
          [splitInputs.finite]: tf.scalar(finite),
        };
        tf.dispose([inputs, await average.run(inputs)]);
      }
      return { values, rates };
    } finally {
      tf.dispose(micros.map(({ batch, kept }) => [batch, kept]));
    }
  }

  return {
    runStep,
    executable: {
      async sync() {
        for (const one of all) await one.sync();
      },
      dispose() {
        for (const one of all) one.dispose();
      },
    },
  };
}
