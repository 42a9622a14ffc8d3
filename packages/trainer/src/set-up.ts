// Everything of a run that is made once: the compiled step and what a checkpoint holds.
import { eagerExecutor, type Executable, type NamedTensors, type Rng } from "@noisereel/core";
import { GradientAccumulator, splitItems } from "./accumulate.js";
import type { TrainingParts } from "./checkpoint/training-state.js";
import { fixedClip } from "./clip.js";
import type { Collective } from "./distributed/collective.js";
import { type DistributedRunnerOptions, type DistributedStep, distributedStep } from "./distributed/runner.js";
import { stepRng } from "./step-rng.js";
import { trainStepFunction } from "./step.js";
import { type StepResult, stepRunner } from "./step-runner.js";
import { checkOptions, optimizersByPhase, schedulesByPhase, type TrainOptions } from "./train-options.js";

export interface SetUp<Item> {
  readonly parts: TrainingParts;
  readonly executable: Pick<Executable, "sync" | "dispose">;
  readonly executorName: string;
  /** Runs step `number`, from 0; see `stepRunner`. */
  readonly runStep: (items: readonly Item[], number: number, update: number) => Promise<StepResult>;
  /** The part of a step's items that this process trains on: all of them, without `distributed`. */
  readonly share: <T>(items: readonly T[]) => readonly T[];
  /** The stream that `items` gets for a step. */
  readonly itemRng: (step: number) => Rng;
  /** Lets every step draw other numbers than in the attempts before: `attempt` counts the run's rollbacks, from 0. */
  readonly redraw: (attempt: number) => void;
  /** Gives the modules the trained weights and frees the rest. After a failure the first part is only tried. */
  readonly close: (failed: boolean) => Promise<void>;
}

/** Checks the options and compiles the step. Nothing runs yet. */
export function setUp<Item, Batch extends NamedTensors>(options: TrainOptions<Item, Batch>): SetUp<Item> {
  checkOptions(options);
  const { task, rng, ema, plugins = [], distributed } = options;
  const { accumulate = distributed?.size ?? 1 } = options;
  const executor = options.executor ?? eagerExecutor();
  const schedules = schedulesByPhase(options);
  const optimizers = optimizersByPhase(options);
  const clip = typeof options.clipNorm === "number" ? fixedClip(options.clipNorm) : options.clipNorm;
  let attempt = 0;
  const random = (step: number): Rng => {
    const first = stepRng(rng, step);
    return attempt === 0 ? first : first.fork(`rollback-${attempt}`);
  };
  const shared = { task, random, schedules, clip, ema, accumulate };
  const { executable, runStep } =
    distributed === undefined
      ? wholeStep({ ...shared, executor, optimizers })
      : distributedStep({ ...shared, executor, optimizers, collective: distributed });
  return {
    parts: { taskName: task.name, modules: task.modules, optimizers, ema, rng, clip, plugins },
    executable,
    executorName: executor.name,
    runStep,
    share: itemShare(accumulate, distributed),
    itemRng: (step) => random(step).fork("items"),
    redraw: (count) => void (attempt = count),
    close: async (failed) => {
      try {
        await executable.sync();
      } catch (error) {
        if (!failed) throw error;
      } finally {
        executable.dispose();
      }
    },
  };
}

/** A step as one function, compiled as a whole. */
function wholeStep<Item, Batch extends NamedTensors>(
  options: Omit<DistributedRunnerOptions<Item, Batch>, "collective">,
): DistributedStep<Item> {
  const { task, executor, optimizers, clip, ema, accumulate } = options;
  const accumulator = new GradientAccumulator(accumulate);
  const step = trainStepFunction({
    task,
    optimizers,
    clip: clip !== undefined,
    ...(ema === undefined ? {} : { ema }),
    ...(accumulate === 1 ? {} : { accumulator }),
  });
  const executable = executor.compile(step, { name: `train ${task.name}` });
  return {
    runStep: stepRunner({ ...options, executable }),
    executable: {
      sync: () => executable.sync(),
      dispose() {
        executable.dispose();
        accumulator.dispose();
      },
    },
  };
}

/** Which of a step's items this process trains on. */
function itemShare(accumulate: number, collective: Collective | undefined): <T>(items: readonly T[]) => readonly T[] {
  if (collective === undefined) return (items) => items;
  const own = accumulate / collective.size;
  return (items) =>
    splitItems(items, accumulate)
      .slice(collective.rank * own, (collective.rank + 1) * own)
      .flat();
}
