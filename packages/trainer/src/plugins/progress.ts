// How far a run is and how long it will take, as numbers for whoever shows them.
import type { TrainerPlugin, TrainStep } from "@noisereel/core";

export interface TrainProgress extends TrainStep {
  /** Average of the latest steps; the first one of this process is left out, it compiles. */
  readonly secondsPerStep: number;
  /** Expected until the last step; undefined before two steps are done. */
  readonly secondsLeft: number | undefined;
}

export interface ProgressOptions {
  onUpdate(progress: TrainProgress): void;
  /** Steps that the average covers. Default 50. */
  readonly window?: number;
}

export function progressPlugin(options: ProgressOptions): TrainerPlugin {
  const window = options.window ?? 50;
  const recent: number[] = [];
  let first = true;
  return {
    name: "progress",
    sideWork: () => [],
    onStart() {
      recent.length = 0;
      first = true;
    },
    onStep(step) {
      if (!first) recent.push(step.seconds);
      first = false;
      if (recent.length > window) recent.shift();
      const known = recent.length > 0;
      const secondsPerStep = known ? recent.reduce((sum, seconds) => sum + seconds) / recent.length : step.seconds;
      const secondsLeft = known ? secondsPerStep * (step.totalSteps - step.step) : undefined;
      options.onUpdate({ ...step, secondsPerStep, secondsLeft });
    },
  };
}
