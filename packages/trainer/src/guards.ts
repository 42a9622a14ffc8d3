// What ends a run before it wastes hours: numbers that stay broken, tensors that pile up.
import { TrainingError } from "./errors.js";

/** Fails when `limit` steps in a row were not finite. Such a step changes nothing, so one alone is only skipped. */
export function nonFiniteGuard(
  limit: number,
): (values: Readonly<Record<string, number>>, step: number, ids: () => readonly string[]) => void {
  let inARow = 0;
  return (values, step, ids) => {
    inARow = values["finite"] === 1 ? 0 : inARow + 1;
    if (inARow < limit) return;
    const broken = Object.entries(values).filter(([, value]) => !Number.isFinite(value));
    const items = ids();
    throw new TrainingError(
      `step ${step} and the ${limit - 1} before it were not finite (${broken.map(([name, value]) => `${name} is ${value}`).join(", ")}); the batch was ${items.join(", ")}; lower the learning rate, clip the gradients, or look at these items`,
      { step, items },
    );
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
