// What a training run is made of, and the checks on it.
import {
  type Checkpoint,
  type CheckpointStore,
  ConfigError,
  type Executor,
  type MaybePromise,
  type NamedTensors,
  type Optimizer,
  type ProgressEvent,
  type Rng,
  type Tracker,
  type TrainerPlugin,
  type TrainTask,
} from "@noisereel/core";
import type { ClipRule } from "./clip.js";
import type { Collective } from "./distributed/collective.js";
import type { Ema } from "./ema.js";
import type { Schedule } from "./schedules.js";

export interface TrainOptions<Item, Batch extends NamedTensors = NamedTensors> {
  readonly task: TrainTask<Item, Batch>;
  /**
   * The items of step `step`, from 0. It must depend on nothing but its arguments, so that a resumed run sees the same
   * data. The next step's items are asked for while a step runs; they must not be tensors. An item may be given as a function
   * that loads it: with `distributed`, only the process that trains on it calls it.
   */
  items(step: number, rng: Rng): MaybePromise<readonly (Item | (() => MaybePromise<Item>))[]>;
  /**
   * One for all phases, or one for each by the phase's name. Its slots become a checkpoint's, or zeros when the run begins
   * anew. The caller disposes it.
   */
  readonly optimizer: Optimizer | Readonly<Record<string, Optimizer>>;
  /** A fixed rate or a schedule, for all phases or by the phase's name. */
  readonly learningRate: LearningRate | Readonly<Record<string, LearningRate>>;
  /** Largest global norm of a phase's gradients; above 0, or a rule such as `adaptiveClip()`. Default no clipping. */
  readonly clipNorm?: number | ClipRule | undefined;
  /**
   * Micro-batches a step, for batches beyond the memory: a step's items are split into so many groups of equal size, and
   * losses and gradients are averaged over them. With several phases, all but the last micro-batch see the weights
   * before any phase's update. With `distributed` they are shared out among the processes, so it is a multiple of their
   * number. Default 1, or one for each process.
   */
  readonly accumulate?: number | undefined;
  /** Made by `ema()` for modules of the task. Default none. The caller disposes it. */
  readonly ema?: Ema | undefined;
  /** Default the eager executor. */
  readonly executor?: Executor | undefined;
  /** Steps of the whole run, those before a resume included. */
  readonly totalSteps: number;
  /** Source of all randomness of the run. A resumed run takes the checkpoint's state instead. */
  readonly rng: Rng;
  /** Where checkpoints go. Default nowhere. With a store the last step is always saved, and so is an aborted run. */
  readonly store?: CheckpointStore | undefined;
  /** Steps between checkpoints. Default only at the end. */
  readonly saveEvery?: number | undefined;
  /** Go on from the store's newest checkpoint when it holds one. Default true; false wants an empty store. */
  readonly resume?: boolean | undefined;
  /** Weights to begin with when nothing is resumed, e.g. `() => latestCheckpoint(otherStore)`. */
  readonly startFrom?: StartFrom | undefined;
  /** Which weights of `startFrom` to take: the trained ones or their moving average. Default "weights". */
  readonly startWith?: "weights" | "ema" | undefined;
  /** Trains on several processes at once, e.g. `await mpi()` of `@noisereel/trainer/node`. Default this one alone. */
  readonly distributed?: Collective | undefined;
  readonly plugins?: readonly TrainerPlugin[] | undefined;
  /** Told the losses and scalars. The caller closes them. */
  readonly trackers?: readonly Tracker[] | undefined;
  /** Steps between two reports to the trackers. Default 1. */
  readonly logEvery?: number | undefined;
  /**
   * Steps in a row whose loss or gradient may be not finite (they change nothing) before the run goes back to its last good
   * checkpoint, or fails when it has none. Default 5.
   */
  readonly nonFiniteLimit?: number | undefined;
  /**
   * How often a run may go back to a checkpoint before it fails. Each time it draws other data and noise; when it gets no
   * further it goes back to an older checkpoint. 0 or more, default 2. A failed run's modules hold the checkpoint's weights.
   */
  readonly rollbackLimit?: number | undefined;
  /** Further values for the trackers, e.g. `() => ({ rssBytes: process.memoryUsage.rss() })`. */
  readonly measure?: (() => Readonly<Record<string, number>>) | undefined;
  /** The name of an item in messages. Default its `id`, or its `video.id`. */
  readonly describeItem?: ((item: Item) => string) | undefined;
  /** Aborting finishes the step at hand, saves and returns. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
}

export type LearningRate = number | Schedule;

/** Reads weights for the modules of a task, by their keys there. */
export type StartFrom = (wanted: { readonly modules: readonly string[] }) => MaybePromise<Checkpoint>;

/** Fails on the first option that cannot be used. */
export function checkOptions<Item, Batch extends NamedTensors>(options: TrainOptions<Item, Batch>): void {
  wholeNumber("totalSteps", options.totalSteps);
  wholeNumber("saveEvery", options.saveEvery);
  wholeNumber("logEvery", options.logEvery);
  wholeNumber("nonFiniteLimit", options.nonFiniteLimit);
  const { rollbackLimit = 0 } = options;
  if (!(Number.isInteger(rollbackLimit) && rollbackLimit >= 0)) {
    throw new ConfigError(`rollbackLimit is ${rollbackLimit}; use a whole number of 0 or more`);
  }
  if (options.saveEvery !== undefined && options.store === undefined) {
    throw new ConfigError(`saveEvery is ${options.saveEvery} but there is no store; pass one, e.g. folderStore(…)`);
  }
  if (options.startWith !== undefined && options.startFrom === undefined) {
    throw new ConfigError(
      `startWith is "${options.startWith}" but startFrom is missing; pass the checkpoint to start from`,
    );
  }
  for (const { name } of [...(options.plugins ?? []), ...options.task.phases]) {
    if (!/^[\w.-]+$/.test(name)) {
      throw new ConfigError(
        `"${name}" cannot name a file of a checkpoint; use letters, digits, dots, dashes and underscores`,
      );
    }
  }
  const { distributed, accumulate } = options;
  if (distributed !== undefined && accumulate !== undefined && accumulate % distributed.size !== 0) {
    throw new ConfigError(
      `accumulate is ${accumulate} but there are ${distributed.size} processes; use a multiple of their number`,
    );
  }
  const pluginNames = (options.plugins ?? []).map(({ name }) => name);
  const twice = pluginNames.find((name, index) => pluginNames.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(`two plugins are named "${twice}"; their states need different names`);
  for (const [key, module] of Object.entries(options.ema?.modules ?? {})) {
    if (options.task.modules[key] !== module) {
      throw new ConfigError(
        `the moving average covers "${key}", which is not the task's module of that name; pass the task's own`,
      );
    }
  }
}

export function optimizersByPhase<Item, Batch extends NamedTensors>({
  task,
  optimizer,
}: TrainOptions<Item, Batch>): Readonly<Record<string, Optimizer>> {
  if (!isOptimizer(optimizer)) return optimizer;
  return Object.fromEntries(task.phases.map(({ name }) => [name, optimizer]));
}

export function schedulesByPhase<Item, Batch extends NamedTensors>({
  task,
  learningRate,
}: TrainOptions<Item, Batch>): ReadonlyMap<string, Schedule> {
  return new Map(
    task.phases.map(({ name }) => {
      const rate = typeof learningRate === "object" ? learningRate[name] : learningRate;
      if (rate === undefined)
        throw new ConfigError(`learningRate has none for phase "${name}"; add one under that name`);
      return [name, typeof rate === "number" ? () => rate : rate];
    }),
  );
}

/** Names of items in messages. */
export function itemIds<Item>(items: readonly Item[], describe: ((item: Item) => string) | undefined): string[] {
  return items.map((item, index) => {
    if (describe !== undefined) return describe(item);
    const { id, video } = (item ?? {}) as { id?: unknown; video?: { id?: unknown } };
    const known = id ?? video?.id;
    return typeof known === "string" || typeof known === "number" ? String(known) : `item ${index} of the batch`;
  });
}

function isOptimizer(value: Optimizer | Readonly<Record<string, Optimizer>>): value is Optimizer {
  return typeof value["apply"] === "function";
}

function wholeNumber(name: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
    throw new ConfigError(`${name} is ${value}; use a whole number of 1 or more`);
  }
}
