// What a run will cost, from a few steps of it.
import { type NamedTensors, type Optimizer, type Parameter, sizeOf } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { itemFeed, loadItems } from "./item-feed.js";
import { setUp } from "./set-up.js";
import type { TrainOptions } from "./train-options.js";

export interface EstimateOptions {
  /** Steps that are timed, after one that compiles. Default 3. */
  readonly steps?: number;
  /** Bytes that the process holds now, e.g. `() => process.memoryUsage.rss()`; looked at every 10 ms while steps run. */
  readonly memoryBytes?: () => number;
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
    /** Of the whole process while steps ran. */
    readonly peak: number | undefined;
  };
  /** Until the first step was done, compilation included. */
  readonly secondsToStart: number;
  /** Median of the timed steps. */
  readonly secondsPerStep: number;
  /** For all `totalSteps`, without saving and without what plugins do. */
  readonly secondsTotal: number;
}

/**
 * Runs a few steps on the run's first items and puts every weight, slot and average back. Stores, plugins, trackers and
 * a checkpoint that could be resumed are not touched.
 */
export async function estimate<Item, Batch extends NamedTensors>(
  options: TrainOptions<Item, Batch>,
  { steps = 3, memoryBytes }: EstimateOptions = {},
): Promise<Estimate> {
  const run = setUp(options);
  const { modules, optimizers, ema } = run.parts;
  const weights = Object.values(modules).flatMap((module) => parametersOf(module.namedParameters()));
  const slots = [...new Set<Optimizer>(Object.values(optimizers))].flatMap((one) => parametersOf(one.slots()));
  const averaged = Object.values(ema?.modules ?? {}).flatMap((module) => parametersOf(module.namedParameters()));
  const restore = remember([...weights, ...slots, ...(ema?.shadows() ?? [])]);
  // As a run does: the next step's items are fetched while a step runs.
  const feed = itemFeed(async (step) => loadItems(run.share(await options.items(step, run.itemRng(step)))), steps + 1);
  const memory = watchMemory(memoryBytes);
  const started = performance.now();
  const seconds: number[] = [];
  let secondsToStart = 0;
  let failed = true;
  try {
    for (let step = 0; step <= steps; step++) {
      const before = performance.now();
      const items = await feed.take(step);
      feed.begin(step + 1);
      await run.runStep(items, step, step + 1);
      if (step === 0) secondsToStart = (performance.now() - started) / 1000;
      else seconds.push((performance.now() - before) / 1000);
    }
    failed = false;
  } finally {
    feed.close();
    memory.stop();
    await run.close(failed);
    restore();
  }
  const secondsPerStep = seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length / 2)]!;
  const bytes = { weights: bytesOf(weights), optimizer: bytesOf(slots), ema: bytesOf(averaged) };
  return {
    parameters: weights.filter(({ trainable }) => trainable).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    bytes: { ...bytes, checkpoint: bytes.weights + bytes.optimizer + bytes.ema, ...memory.result() },
    secondsToStart,
    secondsPerStep,
    secondsTotal: secondsToStart + secondsPerStep * (options.totalSteps - 1),
  };
}

function parametersOf(named: Iterable<readonly [string, Parameter]>): Parameter[] {
  return [...named].map(([, parameter]) => parameter);
}

/** Samples `current` until stopped. Compiled steps run beside the event loop, so that the samples see them. */
function watchMemory(current: (() => number) | undefined): {
  stop(): void;
  result(): { readonly working: number | undefined; readonly peak: number | undefined };
} {
  if (current === undefined) return { stop: () => undefined, result: () => ({ working: undefined, peak: undefined }) };
  const before = current();
  let peak = before;
  const look = (): void => void (peak = Math.max(peak, current()));
  const timer = setInterval(look, 10);
  return {
    stop() {
      look();
      clearInterval(timer);
    },
    result: () => ({ working: peak - before, peak }),
  };
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
