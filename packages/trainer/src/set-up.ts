// Everything of a run that is made once: the compiled step and what a checkpoint holds.
import { eagerExecutor, type Executable, type NamedTensors, type Rng } from "@noisereel/core";
import { GradientAccumulator } from "./accumulate.js";
import type { TrainingParts } from "./checkpoint/training-state.js";
import { fixedClip } from "./clip.js";
import { stepRng } from "./step-rng.js";
import { trainStepFunction } from "./step.js";
import { type StepResult, stepRunner } from "./step-runner.js";
import { checkOptions, optimizersByPhase, schedulesByPhase, type TrainOptions } from "./train-options.js";

export interface SetUp<Item> {
  readonly parts: TrainingParts;
  readonly executable: Executable;
  readonly executorName: string;
  /** Runs step `number`, from 0; see `stepRunner`. */
  readonly runStep: (items: readonly Item[], number: number, update: number) => Promise<StepResult>;
  /** The stream that `items` gets for a step. */
  readonly itemRng: (step: number) => Rng;
  /** Gives the modules the trained weights and frees the rest. After a failure the first part is only tried. */
  readonly close: (failed: boolean) => Promise<void>;
}

/** Checks the options and compiles the step. Nothing runs yet. */
export function setUp<Item, Batch extends NamedTensors>(options: TrainOptions<Item, Batch>): SetUp<Item> {
  checkOptions(options);
  const { task, rng, ema, plugins = [], accumulate = 1 } = options;
  const executor = options.executor ?? eagerExecutor();
  const schedules = schedulesByPhase(options);
  const optimizers = optimizersByPhase(options);
  const clip = typeof options.clipNorm === "number" ? fixedClip(options.clipNorm) : options.clipNorm;
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
    parts: { taskName: task.name, modules: task.modules, optimizers, ema, rng, clip, plugins },
    executable,
    executorName: executor.name,
    runStep: stepRunner({ task, executable, rng, schedules, clip, ema, accumulate }),
    itemRng: (step) => stepRng(rng, step).fork("items"),
    close: async (failed) => {
      try {
        await executable.sync();
      } catch (error) {
        if (!failed) throw error;
      } finally {
        executable.dispose();
        accumulator.dispose();
      }
    },
  };
}
