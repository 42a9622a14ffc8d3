// What ends a run before it wastes hours: numbers that stay broken, tensors that pile up.
import { TrainingError } from "./errors.js";

export interface NonFiniteGuard {
  /** The error to end with when this step and those before it make too many that were not finite. */
  check(
    values: Readonly<Record<string, number>>,
    step: number,
    ids: () => readonly string[],
  ): TrainingError | undefined;
  /** Steps that were not finite since the last one that was. */
  inARow(): number;
  /** Begins to count anew. */
  reset(): void;
}

/** Counts steps that are not finite. Such a step changes nothing, so one alone is only skipped; `limit` in a row are too many. */
export function nonFiniteGuard(limit: number, before = 0): NonFiniteGuard {
  let inARow = before;
  return {
    inARow: () => inARow,
    reset: () => void (inARow = 0),
    check(values, step, ids) {
      inARow = values["finite"] === 1 ? 0 : inARow + 1;
      if (inARow < limit) return undefined;
      const broken = Object.entries(values).filter(([, value]) => !Number.isFinite(value));
      const items = ids();
      return new TrainingError(
        `step ${step} and the ${limit - 1} before it were not finite (${broken.map(([name, value]) => `${name} is ${value}`).join(", ")}); the batch was ${items.join(", ")}; lower the learning rate, clip the gradients, or look at these items`,
        { step, items },
      );
    },
  };
}

/** Steps in a row that may leave tensors behind: the first of a shape may, when an executor compiles it. */
const leakySteps = 3;

/** Fails when several steps in a row left tensors behind. `delta` is what the number of tensors grew by in a step. */
export function leakGuard(): (delta: number, step: number) => void {
  let inARow = 0;
  return (delta, step) => {
    inARow = delta > 0 ? inARow + 1 : 0;
    if (inARow < leakySteps) return;
    throw new TrainingError(
      `each of the last ${leakySteps} steps left tensors in memory, step ${step} left ${delta}; dispose them in the task's prepare(), or wrap their making in tf.tidy`,
      { step },
    );
  };
}
