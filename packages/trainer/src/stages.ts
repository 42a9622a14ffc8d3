// Runs that follow each other: each stage starts from the weights of an earlier one.
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointStore,
  ConfigError,
  type MaybePromise,
  type NamedTensors,
  type TrainStep,
} from "@noisereel/core";
import { latestCheckpoint } from "./checkpoint/latest.js";
import { checkpointProgress } from "./checkpoint/training-state.js";
import { train, type TrainSummary } from "./train.js";
import type { TrainOptions } from "./train-options.js";

/** What a stage says of its run; store, start and signal come from `runStages`. */
export type StageRun<Item, Batch extends NamedTensors = NamedTensors> = Omit<
  TrainOptions<Item, Batch>,
  "store" | "startFrom" | "signal"
> & {
  /** Called when the stage is over, also after an abort or a failure: disposes models, optimizer and average. */
  readonly dispose?: () => MaybePromise<void>;
};

export interface StageOptions<Item, Batch extends NamedTensors> {
  /** Unique among the stages. */
  readonly name: string;
  /** The earlier stage whose last weights this one starts from. Default none: the modules start as `open` made them. */
  readonly from?: string;
  /** Makes models, data and options. Called when the stage begins, so that only one stage is in memory. */
  open(): MaybePromise<StageRun<Item, Batch>>;
}

/** A stage whose kinds of item and batch nobody else has to know. */
export interface Stage {
  readonly name: string;
  readonly from: string | undefined;
  start(given: {
    readonly store: CheckpointStore;
    readonly startFrom: (() => Promise<Checkpoint>) | undefined;
    readonly signal: AbortSignal | undefined;
  }): AsyncGenerator<TrainStep, TrainSummary, void>;
}

/** A stage of `runStages`. */
export function stage<Item, Batch extends NamedTensors = NamedTensors>(options: StageOptions<Item, Batch>): Stage {
  return {
    name: options.name,
    from: options.from,
    async *start({ store, startFrom, signal }) {
      const { dispose, ...run } = await options.open();
      try {
        const { startWith, ...rest } = run;
        const start = startFrom === undefined ? {} : { startFrom, startWith };
        return yield* train<Item, Batch>({ ...(rest as TrainOptions<Item, Batch>), ...start, store, signal });
      } finally {
        await dispose?.();
      }
    },
  };
}

export interface StagesOptions {
  /** In order. */
  readonly stages: readonly Stage[];
  /** The store of a stage, e.g. `(name) => folderStore(path.join(folder, name))`. */
  store(stage: string): CheckpointStore;
  readonly signal?: AbortSignal | undefined;
}

export interface StageStep extends TrainStep {
  readonly stage: string;
}

export interface StagesSummary {
  /** True when every stage has reached its last step. */
  readonly finished: boolean;
  /** Of the stages that ran now; those that were finished before are in `skipped`. */
  readonly stages: Readonly<Record<string, TrainSummary>>;
  readonly skipped: readonly string[];
}

/**
 * Runs the stages one after the other. A stage whose newest checkpoint is its last is skipped and one that was
 * interrupted goes on, so calling it again continues the whole. More steps for a finished stage need `train` itself. An abort ends the stage at hand, saved, and the rest.
 */
export async function* runStages(options: StagesOptions): AsyncGenerator<StageStep, StagesSummary, void> {
  checkStages(options.stages);
  const summaries: Record<string, TrainSummary> = {};
  const skipped: string[] = [];
  for (const stage of options.stages) {
    const store = options.store(stage.name);
    const latest = await latestCheckpoint(store);
    if (latest !== undefined && checkpointProgress(latest.checkpoint).done) {
      skipped.push(stage.name);
      continue;
    }
    if (options.signal?.aborted === true) break;
    const { from } = stage;
    const startFrom = from === undefined ? undefined : () => finishedCheckpoint(options.store(from), from, stage.name);
    const steps = stage.start({ store, startFrom, signal: options.signal });
    let next = await steps.next();
    try {
      for (; next.done !== true; next = await steps.next()) yield { ...next.value, stage: stage.name };
    } finally {
      if (next.done !== true) await steps.return(undefined as never);
    }
    summaries[stage.name] = next.value;
    if (!next.value.finished) break;
  }
  const finished = options.stages.every(({ name }) => skipped.includes(name) || summaries[name]?.finished === true);
  return { finished, stages: summaries, skipped };
}

async function finishedCheckpoint(store: CheckpointStore, from: string, name: string): Promise<Checkpoint> {
  const latest = await latestCheckpoint(store);
  if (latest === undefined || !checkpointProgress(latest.checkpoint).done) {
    throw new CheckpointError(
      `stage "${name}" starts from "${from}", which has no finished checkpoint; run that stage first`,
    );
  }
  return latest.checkpoint;
}

function checkStages(stages: readonly Stage[]): void {
  const earlier = new Set<string>();
  for (const { name, from } of stages) {
    if (earlier.has(name)) throw new ConfigError(`two stages are named "${name}"; give them different names`);
    if (from !== undefined && !earlier.has(from)) {
      throw new ConfigError(
        `stage "${name}" starts from "${from}", which is no earlier stage; earlier ones are ${[...earlier].join(", ") || "none"}`,
      );
    }
    earlier.add(name);
  }
}
