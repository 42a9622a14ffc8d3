// What a run will cost, from a few steps of it and from what it does beside them.
import {
  type CheckpointStore,
  ConfigError,
  type NamedTensors,
  type Optimizer,
  type Parameter,
  type SideWork,
  sizeOf,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { saveCheckpoint } from "./checkpoint/latest.js";
import { collectCheckpoint } from "./checkpoint/training-state.js";
import { settledSeconds, type SettleRule, timeSteps } from "./estimating/settle.js";
import { addUp, type SideWorkEstimate, sideWorkOf, timesEvery, timeSideWork } from "./estimating/side-work.js";
import { type Stepper, stepper } from "./estimating/stepper.js";
import { watchMemory } from "./estimating/watch-memory.js";
import { type SetUp, setUp } from "./set-up.js";
import type { LiveRun } from "./train.js";
import type { TrainOptions } from "./train-options.js";

export interface EstimateOptions {
  /**
   * Steps that are timed, after one that compiles. Default as many as it takes until they have settled: see `SettleRule`, never
   * more than the run has.
   */
  readonly steps?: number | undefined;
  /** When they have. */
  readonly settle?: SettleRule | undefined;
  /** Bytes that the process holds now, e.g. `() => process.memoryUsage.rss()`; looked at every 10 ms. */
  readonly memoryBytes?: (() => number) | undefined;
  /** False: times the steps alone. Default true. */
  readonly sideWork?: boolean | undefined;
  /** Work beside the steps that no plugin does. Default none. */
  readonly also?: readonly SideWork[] | undefined;
  /** Seconds after which a work beside the steps is stopped; it is not measured then. Default 120. */
  readonly sideWorkSeconds?: number | undefined;
  /**
   * An empty store where checkpoints are written to time it, and removed again. Default none: saving is not measured. The run's
   * own store is never touched.
   */
  readonly scratch?: CheckpointStore | undefined;
  /** Put weights, slots and averages back afterwards; that takes their bytes once more. Default true. */
  readonly restore?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Estimate {
  /** Numbers that are trained. */
  readonly parameters: number;
  /** Bytes of each kind of state. */
  readonly bytes: {
    readonly weights: number;
    readonly optimizer: number;
    readonly ema: number;
    /** All of those once: what a checkpoint takes on the disk. */
    readonly checkpoint: number;
    /** What the process grew by while steps ran: activations, gradients, the compiled step. */
    readonly working: number | undefined;
    /** Of the whole process, with the work beside the steps. */
    readonly peak: number | undefined;
  };
  /** Until the first step was done, compilation included. */
  readonly secondsToStart: number;
  /** Of a step once they have settled, waiting for its items included. */
  readonly secondsPerStep: number;
  /** Steps that were timed, after the first. */
  readonly timedSteps: number;
  /** All `totalSteps` of them. */
  readonly secondsOfSteps: number;
  /** What else the run does: saving, and what its plugins say. */
  readonly sideWork: readonly SideWorkEstimate[];
  /** Of the whole run, as far as it was measured: see `sideWork` for what was not. */
  readonly secondsTotal: number;
}

/**
 * Runs some steps on the run's first items, and every work beside the steps a few times. Stores, the state of plugins and a
 * checkpoint that could be resumed are not touched; plugins may tell their own trackers.
 */
export async function estimate<Item, Batch extends NamedTensors>(
  options: TrainOptions<Item, Batch>,
  how: EstimateOptions = {},
): Promise<Estimate> {
  const rule = ruleOf(how, options);
  const run = setUp(options);
  const { modules, optimizers, ema } = run.parts;
  const weights = Object.values(modules).flatMap((module) => parametersOf(module.namedParameters()));
  const slots = [...new Set<Optimizer>(Object.values(optimizers))].flatMap((one) => parametersOf(one.slots()));
  const averaged = Object.values(ema?.modules ?? {}).flatMap((module) => parametersOf(module.namedParameters()));
  const restore = how.restore === false ? () => undefined : remember([...weights, ...slots, ...(ema?.shadows() ?? [])]);
  const memory = watchMemory(how.memoryBytes);
  const steps = stepper(run, options, how.signal);
  const now = (): number => performance.now() / 1000;
  const started = now();
  let failed = true;
  try {
    await steps.next();
    const secondsToStart = now() - started;
    const seconds = await timeSteps(() => steps.next(), { rule, now });
    const working = memory.before === undefined ? undefined : memory.most()! - memory.before;
    const sideWork = await measureSideWork(run, options, how, { steps, now });
    const secondsPerStep = settledSeconds(seconds);
    const warm = seconds.slice(0, options.totalSteps - 1);
    const left = options.totalSteps - 1 - warm.length;
    const secondsOfSteps = warm.reduce((sum, value) => sum + value, secondsToStart) + left * secondsPerStep;
    const bytes = { weights: bytesOf(weights), optimizer: bytesOf(slots), ema: bytesOf(averaged) };
    failed = false;
    return {
      parameters: weights.filter(({ trainable }) => trainable).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      bytes: {
        ...bytes,
        checkpoint: bytes.weights + bytes.optimizer + bytes.ema,
        working,
        peak: memory.most(),
      },
      secondsToStart,
      secondsPerStep,
      timedSteps: seconds.length,
      secondsOfSteps,
      sideWork,
      secondsTotal: sideWork.reduce((sum, work) => sum + (work.seconds ?? 0), secondsOfSteps),
    };
  } finally {
    memory.stop();
    steps.close();
    await run.close(failed);
    restore();
  }
}

/** What the plugins do, and saving. */
async function measureSideWork<Item, Batch extends NamedTensors>(
  run: SetUp<Item>,
  options: TrainOptions<Item, Batch>,
  how: EstimateOptions,
  { steps, now }: { readonly steps: Stepper; readonly now: () => number },
): Promise<readonly SideWorkEstimate[]> {
  const { task, rng, totalSteps, plugins = [], store, saveEvery = totalSteps } = options;
  const { works: ofPlugins, unknown } = sideWorkOf(plugins, totalSteps);
  const works = [...ofPlugins, ...(how.also ?? [])];
  const saving = { name: "saving", times: timesEvery(totalSteps, saveEvery) };
  const all = store === undefined || how.scratch === undefined ? works : [...works, saveTo(how.scratch, saving)];
  const unsaved =
    store === undefined || how.scratch !== undefined
      ? []
      : [{ ...saving, seconds: undefined, reason: "there is no scratch store" }];
  if (how.sideWork === false) {
    const left = [...all, ...unsaved].map(({ name, times }) => ({
      name,
      times,
      seconds: undefined,
      reason: "left out",
    }));
    return addUp([...left, ...unknown]);
  }
  const live = (signal: AbortSignal): LiveRun => ({
    task,
    get step() {
      return steps.done();
    },
    totalSteps,
    rng,
    signal,
    sync: () => run.executable.sync(),
    async checkpoint() {
      await run.executable.sync();
      const counters = { step: steps.done(), updates: steps.done(), skipped: [] };
      return collectCheckpoint(run.parts, { ...counters, totalSteps, executor: run.executorName });
    },
  });
  const { signal, sideWorkSeconds: limitSeconds = 120 } = how;
  const timed = await timeSideWork(all, { step: () => steps.next(), run: live, signal, limitSeconds, now });
  return addUp([...timed, ...unsaved, ...unknown]);
}

/** Saves as a run does, and removes what it saved. */
function saveTo(store: CheckpointStore, work: Pick<SideWork, "name" | "times">): SideWork {
  const saved: string[] = [];
  return {
    ...work,
    async once(run) {
      saved.push(await saveCheckpoint(store, run.step, await run.checkpoint()));
    },
    async dispose() {
      for (const id of saved) await store.remove(id);
    },
  };
}

function ruleOf(
  { steps, settle, sideWork }: EstimateOptions,
  { totalSteps, distributed }: Pick<TrainOptions<never>, "totalSteps" | "distributed">,
): SettleRule {
  if ((distributed?.size ?? 1) > 1 && (steps === undefined || sideWork !== false)) {
    throw new ConfigError(
      `distributed has ${distributed!.size} processes, each of which would measure until it has enough; give steps and sideWork: false, or leave distributed out`,
    );
  }
  if (steps !== undefined) {
    if (!(Number.isInteger(steps) && steps > 0)) throw new ConfigError(`steps is ${steps}; use a whole number from 1`);
    return { minimumSteps: steps, maximumSteps: steps };
  }
  return { ...settle, maximumSteps: Math.max(1, Math.min(settle?.maximumSteps ?? 200, totalSteps - 1)) };
}

function parametersOf(named: Iterable<readonly [string, Parameter]>): Parameter[] {
  return [...named].map(([, parameter]) => parameter);
}

/** Float32 everywhere. */
function bytesOf(parameters: readonly Parameter[]): number {
  return 4 * parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** Keeps the values of parameters and returns what puts them back. */
function remember(parameters: readonly Parameter[]): () => void {
  const values = parameters.map(({ variable }) => tf.keep(tf.clone(variable)));
  return () => {
    for (const [index, { variable }] of parameters.entries()) variable.assign(values[index]!);
    tf.dispose(values);
  };
}
