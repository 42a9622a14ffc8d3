// Runs that follow each other: each stage starts from the weights of an earlier one.
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointStore,
  ConfigError,
  type MaybePromise,
  type NamedTensors,
  type SideWork,
  type Tracker,
  type TrainerPlugin,
  type TrainStep,
} from "@noisereel/core";
import { latestCheckpoint } from "./checkpoint/latest.js";
import { memoryStore } from "./checkpoint/memory-store.js";
import { checkpointProgress } from "./checkpoint/training-state.js";
import { processGroup } from "./distributed/process-group.js";
import { estimate, type Estimate, type EstimateOptions } from "./estimate.js";
import { addUp } from "./estimating/side-work.js";
import { train, type TrainSummary } from "./train.js";
import type { StartFrom, TrainOptions } from "./train-options.js";

/** Something that a stage's data has and its run leaves out. */
export interface DroppedItem {
  readonly id: string;
  readonly reason: string;
}

export interface Comparison {
  /** The other stage. */
  readonly stage: string;
  /** Of the chart, e.g. `"With stills and without, for as many latent frames"`. */
  readonly title: string;
}

/** What a stage says of its run; store, start and signal come from `runStages`. */
export type StageRun<Item, Batch extends NamedTensors = NamedTensors> = Omit<
  TrainOptions<Item, Batch>,
  "store" | "startFrom" | "signal"
> & {
  /** What people want to know before it runs, e.g. `{ video: "17 frames of 32×32", items: 8 }`. */
  readonly facts?: Readonly<Record<string, string | number>>;
  readonly dropped?: readonly DroppedItem[];
  /** Another stage that spends as much, for a chart of both held-out losses against the share of their steps. */
  readonly compare?: Comparison | undefined;
  /**
   * What else the stage takes time for and a dry opening leaves out, e.g. encoding clips (`"preparing"`) and what `finish` does. An
   * estimate adds opening the stage to what is named "preparing". Default nothing; a `finish` without it counts as not measured.
   */
  readonly sideWork?: readonly SideWork[] | undefined;
  /** Called after the last step with the trained weights in the modules, e.g. to write a model folder. */
  readonly finish?: (() => MaybePromise<void>) | undefined;
  /** Called when the stage is over, also after an abort or a failure: disposes models, optimizer and average. */
  readonly dispose?: () => MaybePromise<void>;
};

export interface OpenOptions {
  /** True for an estimate: what an earlier stage would leave may be missing, and nothing is to be written. */
  readonly dry: boolean;
  readonly signal: AbortSignal;
  /** For losses on held-out data, samples and the like. */
  readonly trackers: readonly Tracker[];
}

export interface StageOptions<Item, Batch extends NamedTensors> {
  /** Unique among the stages. */
  readonly name: string;
  /** The earlier stage whose last weights this one starts from. Default none: the modules start as `open` made them. */
  readonly from?: string | undefined;
  /**
   * The boolean option of the recipe, e.g. `model.recompute`, that makes activations be computed again in the backward pass instead of kept: less
   * memory, more time. An estimate tells both. Default none.
   */
  readonly recomputeOption?: string | undefined;
  /** Makes models, data and options. Called when the stage begins, so that only one stage is in memory. */
  open(options: OpenOptions): MaybePromise<StageRun<Item, Batch>>;
  /** Whether what `finish` makes is there; a stage with its last step done is finished again if not. Default true. */
  complete?(): MaybePromise<boolean>;
}

export interface StageStart {
  readonly store: CheckpointStore;
  readonly startFrom: StartFrom | undefined;
  readonly signal: AbortSignal | undefined;
  /** Beside the stage's own. */
  readonly trackers?: readonly Tracker[] | undefined;
  /** Beside the stage's own. */
  readonly plugins?: readonly TrainerPlugin[] | undefined;
  readonly measure?: TrainOptions<never>["measure"];
  readonly distributed?: TrainOptions<never>["distributed"];
  /** Told what the stage says of itself, when it is open. */
  readonly onOpen?: ((about: StageAbout) => void) | undefined;
}

export interface StageAbout {
  readonly facts: Readonly<Record<string, string | number>>;
  readonly dropped: readonly DroppedItem[];
  readonly totalSteps: number;
  readonly compare?: Comparison | undefined;
}

export interface StageEstimate extends Estimate, StageAbout {}

export interface StageEstimateOptions extends Omit<EstimateOptions, "restore" | "also"> {
  /** Told what the stage's plugins tell, as that takes time too; for nobody to read. Default none. */
  readonly trackers?: readonly Tracker[] | undefined;
}

/** A stage whose kinds of item and batch nobody else has to know. */
export interface Stage {
  readonly name: string;
  readonly from: string | undefined;
  readonly recomputeOption: string | undefined;
  start(given: StageStart): AsyncGenerator<TrainStep, TrainSummary, void>;
  /** Opens the stage, runs a few of its steps, does what else it does, and closes it. Nothing is written but to `scratch` and `trackers`. */
  estimate(options?: StageEstimateOptions): Promise<StageEstimate>;
  complete(): MaybePromise<boolean>;
}

/** A stage of `runStages`. */
export function stage<Item, Batch extends NamedTensors = NamedTensors>(options: StageOptions<Item, Batch>): Stage {
  return {
    name: options.name,
    from: options.from,
    recomputeOption: options.recomputeOption,
    complete: () => options.complete?.() ?? true,
    async *start({ store, startFrom, signal, trackers = [], plugins = [], measure, distributed, onOpen }) {
      const how = { dry: false, signal: signal ?? new AbortController().signal, trackers };
      // Rank 0 first: what it encodes and caches, the others find.
      const group = processGroup(distributed, () => []);
      const opened = await group.inTurn(async () => options.open(how));
      const { dispose, finish, facts = {}, dropped = [], compare, sideWork: _, ...run } = opened;
      try {
        onOpen?.({ facts, dropped, totalSteps: run.totalSteps, ...(compare === undefined ? {} : { compare }) });
        const { startWith, ...rest } = run as TrainOptions<Item, Batch>;
        const summary = yield* train<Item, Batch>({
          ...rest,
          ...(startFrom === undefined ? {} : { startFrom, startWith }),
          trackers: [...(rest.trackers ?? []), ...trackers],
          plugins: [...(rest.plugins ?? []), ...plugins],
          measure: rest.measure ?? measure,
          distributed: rest.distributed ?? distributed,
          store,
          signal,
        });
        if (summary.finished && group.isFirst) await finish?.();
        await group.barrier();
        return summary;
      } finally {
        await dispose?.();
      }
    },
    async estimate({ trackers = [], ...how } = {}) {
      const started = performance.now();
      const opened = await options.open({ dry: true, signal: how.signal ?? new AbortController().signal, trackers });
      const opening = { name: "preparing", times: undefined, seconds: (performance.now() - started) / 1000 };
      const { dispose, finish, facts = {}, dropped = [], startWith: _, compare: __, sideWork: own, ...run } = opened;
      try {
        // A run of stages gives each a store; which one does not matter here.
        const options = { ...run, store: memoryStore() } as TrainOptions<Item, Batch>;
        const found = await estimate(options, { ...how, also: own, restore: false });
        const unsaid =
          finish === undefined || own !== undefined
            ? []
            : [{ name: "finishing", times: 1, seconds: undefined, reason: "the stage has no sideWork" }];
        return {
          ...found,
          sideWork: addUp([opening, ...found.sideWork, ...unsaid]),
          secondsTotal: found.secondsTotal + opening.seconds,
          facts,
          dropped,
          totalSteps: run.totalSteps,
        };
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
  /** Run this stage alone. Default all of them. */
  readonly only?: string | undefined;
  /** Where `only` starts from in place of the stage it names: another stage of the list, or a checkpoint. */
  readonly from?: string | StartFrom | undefined;
  /** What a stage gets beside its own; called before it is opened. */
  readonly extend?:
    | ((stage: string) => MaybePromise<Pick<StageStart, "trackers" | "plugins" | "measure" | "distributed" | "onOpen">>)
    | undefined;
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
 * interrupted goes on, so calling it again continues the whole. More steps for a finished stage need `train` itself. An
 * abort ends the stage at hand, saved, and the rest.
 */
export async function* runStages(options: StagesOptions): AsyncGenerator<StageStep, StagesSummary, void> {
  const stages = chosenStages(options);
  const summaries: Record<string, TrainSummary> = {};
  const skipped: string[] = [];
  for (const stage of stages) {
    const store = options.store(stage.name);
    const latest = await latestCheckpoint(store);
    if (latest !== undefined && checkpointProgress(latest.checkpoint).done && (await stage.complete())) {
      skipped.push(stage.name);
      continue;
    }
    if (options.signal?.aborted === true) break;
    const from = options.from ?? stage.from;
    const startFrom = typeof from === "string" ? () => finishedCheckpoint(options.store(from), from, stage.name) : from;
    const more = await options.extend?.(stage.name);
    const steps = stage.start({ store, startFrom, signal: options.signal, ...more });
    let next = await steps.next();
    try {
      for (; next.done !== true; next = await steps.next()) yield { ...next.value, stage: stage.name };
    } finally {
      if (next.done !== true) await steps.return(undefined as never);
    }
    summaries[stage.name] = next.value;
    if (!next.value.finished) break;
  }
  const finished = stages.every(({ name }) => skipped.includes(name) || summaries[name]?.finished === true);
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

/** The stages to run, after a check of all of them. */
function chosenStages({ stages, only, from }: StagesOptions): readonly Stage[] {
  checkStages(stages);
  const names = stages.map(({ name }) => name);
  if (only === undefined) {
    if (from !== undefined) throw new ConfigError("from is for one stage; name it with `only` (--stage)");
    return stages;
  }
  if (!names.includes(only)) {
    throw new ConfigError(`there is no stage "${only}"; the stages are ${names.join(", ")}`);
  }
  if (typeof from === "string" && (!names.includes(from) || from === only)) {
    throw new ConfigError(
      `stage "${only}" cannot start from "${from}"; use one of ${names.filter((name) => name !== only).join(", ")}`,
    );
  }
  return stages.filter(({ name }) => name === only);
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
