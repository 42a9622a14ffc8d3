// The loss on data that is not trained on, with the same noise every time: a curve that means something.
import {
  ConfigError,
  eagerExecutor,
  type Executable,
  type Executor,
  type LossContext,
  type NamedTensors,
  type Rng,
  type TensorFunction,
  type Tracker,
  type TrainerPlugin,
  type TrainTask,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { Ema } from "../ema.js";
import { batchInputs, stepInputs, takeBatch } from "../step.js";
import { type Curve, CurveTable } from "./curves.js";
import { every } from "./every.js";

export interface HeldOutOptions<Item, Batch extends NamedTensors> {
  /** The task that is trained, or one on the same modules that draws timesteps and noise in a fixed pattern. */
  readonly task: TrainTask<Item, Batch>;
  /** The batches, as lists of items; the loss is their mean. */
  readonly batches: readonly (readonly Item[])[];
  /**
   * Other ways to prepare a batch, by name, each measured by itself, e.g. one for each of some timesteps. The loss is then the
   * mean over them, and each is told as `<name>.<phase>.<variant>`. Default the task's own way alone.
   */
  readonly variants?: Readonly<Record<string, TrainTask<Item, Batch>["prepare"]>> | undefined;
  /** Source of the noise in `prepare`; the same for each measurement. */
  readonly rng: Rng;
  /** Steps between two measurements. One is made before the first step and one after the last. */
  readonly steps: number;
  /** Measure the averaged weights instead of the trained ones. */
  readonly ema?: Ema;
  /** Default the eager executor. */
  readonly executor?: Executor;
  /** Told `<name>.<phase>`. */
  readonly trackers?: readonly Tracker[];
  /** Default "heldOut". */
  readonly name?: string;
}

export interface HeldOutPlugin extends TrainerPlugin {
  /** Losses by phase, and by phase and variant, with the steps at which they were measured; kept in checkpoints. */
  curves(): Readonly<Record<string, Curve>>;
}

export function heldOutPlugin<Item, Batch extends NamedTensors>(options: HeldOutOptions<Item, Batch>): HeldOutPlugin {
  const { task, batches, rng, name = "heldOut", trackers = [] } = options;
  if (batches.length === 0) throw new ConfigError("batches is empty; give at least one batch of held-out items");
  type Way = readonly [variant: string | undefined, prepare: TrainTask<Item, Batch>["prepare"]];
  const own: Way = [undefined, (items, context) => task.prepare(items, context)];
  const ways: readonly Way[] = options.variants === undefined ? [own] : Object.entries(options.variants);
  if (ways.length === 0) throw new ConfigError("variants is empty; leave it out, or name at least one");
  const table = new CurveTable();
  const executor = options.executor ?? eagerExecutor();
  let executable: Executable | undefined;

  async function measure(step: number): Promise<Record<string, number>> {
    executable ??= executor.compile(lossFunction(task), { name: `${name} ${task.name}` });
    const sums: Record<string, number> = {};
    const add = (key: string, share: number): void => void (sums[key] = (sums[key] ?? 0) + share);
    for (const [variant, prepare] of ways) {
      for (const [index, items] of batches.entries()) {
        const batch = await prepare(items, { step: 0, rng: rng.fork(name).fork(String(index)) });
        const number = tf.scalar(step);
        let outputs: Record<string, tf.Tensor> = {};
        try {
          outputs = await executable.run({ ...batchInputs(batch), [stepInputs.number]: number });
          for (const [phase, loss] of Object.entries(outputs)) {
            const share = (await loss.data())[0]! / batches.length;
            add(phase, share / ways.length);
            if (variant !== undefined) add(`${phase}.${variant}`, share);
          }
        } finally {
          tf.dispose([batch, number, outputs]);
        }
      }
    }
    return sums;
  }

  function dispose(): void {
    executable?.dispose();
    executable = undefined;
  }

  const plugin = every({
    name,
    steps: options.steps,
    atStart: true,
    ...(options.ema === undefined ? {} : { ema: options.ema }),
    async run(step) {
      const losses = await measure(step);
      const named = Object.entries(losses).map(([phase, loss]) => [`${name}.${phase}`, loss] as const);
      for (const [phase, loss] of Object.entries(losses)) table.add(phase, step, loss);
      for (const tracker of trackers) await tracker.scalars(step, Object.fromEntries(named));
    },
    title: "held-out losses",
    rehearse: { once: async (run) => void (await measure(run.step)), dispose },
  });
  return {
    ...plugin,
    curves: () => table.curves(),
    onEnd: dispose,
    state: () => table.state(),
    restore: (state) => table.restore(state),
  };
}

/** The losses of all phases, by name, without gradients. */
function lossFunction<Batch extends NamedTensors>(task: TrainTask<never, Batch>): TensorFunction {
  return (inputs) => {
    const batch = takeBatch(inputs) as Batch;
    const context: LossContext = { kept: new Map(), step: inputs[stepInputs.number] as tf.Scalar };
    return Object.fromEntries(task.phases.map((phase) => [phase.name, phase.loss(batch, context).loss]));
  };
}
