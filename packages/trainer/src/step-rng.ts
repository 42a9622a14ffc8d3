import type { Rng } from "@noisereel/core";

/** The random stream of one step: it depends on the run's seed and the step's number only. */
export function stepRng(rng: Rng, step: number): Rng {
  return rng.fork("step").fork(String(step));
}
