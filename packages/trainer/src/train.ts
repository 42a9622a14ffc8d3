// The training loop: an async iterator over steps that can be stopped and resumed at any of them.
import {
  type CheckpointStore,
  ConfigError,
  type NamedTensors,
  type Parameter,
  type TrainRun,
  type TrainStep,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { checkpointId, latestCheckpoint, saveCheckpoint } from "./checkpoint/latest.js";
import {
  collectCheckpoint,
  type Counters,
  loadModules,
  restoreCheckpoint,
  type SkippedStep,
  type TrainingParts,
} from "./checkpoint/training-state.js";
import { processGroup } from "./distributed/process-group.js";
import { leakGuard, nonFiniteGuard } from "./guards.js";
import { itemFeed, loadItems } from "./item-feed.js";
import { isTraced } from "./optimizers/optimizer.js";
import { rollBack } from "./rollback.js";
import { setUp } from "./set-up.js";
import { itemIds, type TrainOptions } from "./train-options.js";

export interface TrainSummary extends Pick<Counters, "step" | "updates" | "skipped"> {
  readonly totalSteps: number;
  /** True when the last step has been reached, false when the run was aborted before. */
  readonly finished: boolean;
  /** The step that this call began at: 0, or the checkpoint's. */
  readonly startedAt: number;
  /** How often this call went back to an earlier checkpoint because the numbers stayed broken. */
  readonly rollbacks: number;
  /** Seconds in steps, of this call. */
  readonly seconds: number;
  /** The newest checkpoint's id, when there is a store. */
  readonly checkpoint: string | undefined;
}

/** What plugins get: a run whose weights can be asked for. */
export interface LiveRun extends TrainRun {
  /** Makes the modules' variables (and the moving average's) those of the last step. Needed before they are read. */
  sync(): Promise<void>;
}

/**
 * Trains `task` step by step and yields after each one. The same options give the same weights, bit for bit, however
 * often the run was stopped, killed and resumed on the way. Leaving the loop early stops without saving; aborting
 * `signal` saves first. When the iterator ends, the modules hold the trained weights.
 */
export async function* train<Item, Batch extends NamedTensors>(
  options: TrainOptions<Item, Batch>,
): AsyncGenerator<TrainStep, TrainSummary, void> {
  const { executable, executorName, parts, runStep, share, itemRng, redraw, close } = setUp(options);
  const { task, totalSteps, store, rng, plugins = [], trackers = [], logEvery = 1 } = options;
  const signal = options.signal ?? new AbortController().signal;

  const begun = await begin(options, parts).catch(async (error: unknown) => {
    await close(true);
    throw error;
  });
  let { step: done, updates } = begun.counters;
  const skipped: SkippedStep[] = [...begun.counters.skipped];
  let savedId = begun.id;
  let savedStep = savedId === undefined ? -1 : done;
  let { rollbacks = 0 } = begun.counters;
  const rollbacksBefore = rollbacks;
  redraw(rollbacks);
  let seconds = 0;

  const feed = itemFeed(async (step) => loadItems(share(await options.items(step, itemRng(step)))), totalSteps);
  const group = processGroup(options.distributed, () => parameters(parts));
  const finiteGuard = nonFiniteGuard(options.nonFiniteLimit ?? 5, begun.counters.brokenInARow);
  const tensorGuard = leakGuard();
  const run: LiveRun = {
    task,
    get step() {
      return done;
    },
    totalSteps,
    rng,
    signal,
    sync: () => executable.sync(),
    async checkpoint() {
      await executable.sync();
      const counters = { step: done, updates, skipped, rollbacks, brokenInARow: finiteGuard.inARow() };
      return collectCheckpoint(parts, { ...counters, totalSteps, executor: executorName });
    },
  };
  const save = async () => {
    if (store === undefined || savedStep === done) return;
    await executable.sync();
    await group.checkSame(done);
    savedId = checkpointId(done);
    if (group.isFirst) await saveCheckpoint(store, done, await run.checkpoint());
    await group.barrier();
    savedStep = done;
  };
  const tellSaved = async () => {
    if (store !== undefined) for (const tracker of trackers) await tracker.saved?.(savedStep);
  };

  let failed = false;
  try {
    await group.checkSame(done);
    for (const plugin of plugins) await plugin.onStart?.(run);
    while (done < totalSteps && !(await group.any(signal.aborted))) {
      const started = performance.now();
      const items = await feed.take(done);
      const dataSeconds = (performance.now() - started) / 1000;
      feed.begin(done + 1);
      const tensorsBefore = tf.memory().numTensors;
      const { values, rates } = await runStep(items, done, updates + 1);
      done += 1;
      const ids = () => itemIds(items, options.describeItem);
      if (values["finite"] === 1) {
        updates += 1;
        for (const phase of rates.keys()) parts.clip?.observe(phase, values[`gradientNorm.${phase}`]!);
      } else skipped.push({ step: done, items: ids() });
      const broken = finiteGuard.check(values, done, ids);
      tensorGuard(tf.memory().numTensors - tensorsBefore, done);
      const stepSeconds = (performance.now() - started) / 1000;
      seconds += stepSeconds;

      const event = describeStep(values, rates, done, totalSteps, stepSeconds);
      if (done % logEvery === 0 || done === totalSteps) {
        const measured = { dataSeconds, tensors: tf.memory().numTensors, ...options.measure?.() };
        for (const tracker of trackers) await tracker.scalars(done, { ...trackedValues(event), ...measured });
      }
      for (const plugin of plugins) await plugin.onStep?.(event, run);
      if (broken !== undefined) {
        await executable.sync();
        const how = { error: broken, store, parts, rollbacks, limit: options.rollbackLimit ?? 2 };
        const back = await group.inTurn((first) => rollBack({ ...how, newest: !first }));
        ({ step: done, updates } = back.counters);
        savedId = back.id;
        savedStep = done;
        rollbacks++;
        redraw(rollbacks);
        feed.close();
        finiteGuard.reset();
      } else if (options.saveEvery !== undefined && done % options.saveEvery === 0 && finiteGuard.inARow() === 0) {
        // Weights from which nothing finite has come yet may be ruined: a rollback must not land there.
        await save();
        await tellSaved();
      }
      options.onProgress?.({ type: "train-step", index: done, count: totalSteps });
      yield event;
    }
    await save();
    for (const plugin of plugins) await plugin.onEnd?.(run);
    await tellSaved(); // after the plugins, which may have told of the last step
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    feed.close();
    await close(failed);
  }
  return {
    step: done,
    updates,
    skipped,
    totalSteps,
    finished: done >= totalSteps,
    startedAt: begun.counters.step,
    rollbacks: rollbacks - rollbacksBefore,
    seconds,
    checkpoint: savedId,
  };
}

/** Trains to the end, or to the abort, and returns the summary. */
export async function fit<Item, Batch extends NamedTensors>(
  options: TrainOptions<Item, Batch> & { readonly onStep?: (step: TrainStep) => void },
): Promise<TrainSummary> {
  const steps = train(options);
  for (;;) {
    const { value, done } = await steps.next();
    if (done === true) return value;
    options.onStep?.(value);
  }
}

/** Resumes when the store has something, else starts from other weights or from the modules as they are. */
async function begin<Item, Batch extends NamedTensors>(
  { store, resume = true, startFrom, startWith, task, ema }: TrainOptions<Item, Batch>,
  parts: TrainingParts,
): Promise<{ readonly counters: Counters; readonly id: string | undefined }> {
  const latest = store === undefined || !resume ? undefined : await latestCheckpoint(store);
  if (latest !== undefined) return { counters: restoreCheckpoint(parts, latest.checkpoint), id: latest.id };
  await refuseMixing(store);
  for (const optimizer of Object.values(parts.optimizers)) if (isTraced(optimizer)) optimizer.reset();
  if (startFrom !== undefined) {
    loadModules(task.modules, await startFrom({ modules: Object.keys(task.modules) }), startWith);
  }
  ema?.reset();
  return { counters: { step: 0, updates: 0, skipped: [] }, id: undefined };
}

/** A new run beside the checkpoints of an older one would be resumed from whichever has more steps. */
async function refuseMixing(store: CheckpointStore | undefined): Promise<void> {
  const held = (await store?.list()) ?? [];
  if (held.length === 0) return;
  throw new ConfigError(
    `resume is false but ${store!.name} holds ${held.length} checkpoints (${held.at(-1)}); use an empty store, or remove them first`,
  );
}

/** Everything that a step changes. */
function* parameters({ modules, optimizers, ema }: TrainingParts): Generator<Parameter> {
  for (const module of Object.values(modules)) for (const [, parameter] of module.namedParameters()) yield parameter;
  for (const optimizer of new Set(Object.values(optimizers))) for (const [, slot] of optimizer.slots()) yield slot;
  yield* ema?.shadows() ?? [];
}

function describeStep(
  values: Readonly<Record<string, number>>,
  rates: ReadonlyMap<string, number>,
  step: number,
  totalSteps: number,
  seconds: number,
): TrainStep {
  const losses: Record<string, number> = {};
  const scalars: Record<string, number> = {};
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("loss.")) losses[name.slice("loss.".length)] = value;
    else if (name.startsWith("scalar.")) scalars[name.slice("scalar.".length)] = value;
    else scalars[name] = value;
  }
  for (const [phase, rate] of rates) scalars[`learningRate.${phase}`] = rate;
  return { step, totalSteps, losses, scalars, seconds };
}

/** What trackers are told of a step, beside the seconds it waited for its items. */
function trackedValues({ losses, scalars, seconds }: TrainStep): Record<string, number> {
  const named = Object.entries(losses).map(([phase, loss]) => [`loss.${phase}`, loss] as const);
  return { ...Object.fromEntries(named), ...scalars, seconds };
}
