// The loop's side of training on several processes; alone, all of it does nothing.
import type { Parameter } from "@noisereel/core";
import type { Collective } from "./collective.js";
import { checkSameWeights } from "./same-weights.js";

export interface ProcessGroup {
  /** Whether this process writes. */
  readonly isFirst: boolean;
  /** True on every rank when it is true on any: all must stop at the same step. */
  any(value: boolean): Promise<boolean>;
  barrier(): Promise<void>;
  /** Throws when ranks hold different weights, slots or averages. */
  checkSame(step: number): Promise<void>;
  /** Runs `work` on rank 0, and when it is done there on the others. */
  inTurn<T>(work: (first: boolean) => Promise<T>): Promise<T>;
}

export function processGroup(collective: Collective | undefined, parameters: () => Iterable<Parameter>): ProcessGroup {
  if (collective === undefined) {
    return {
      isFirst: true,
      any: async (value) => value,
      barrier: async () => undefined,
      checkSame: async () => undefined,
      inTurn: (work) => work(true),
    };
  }
  const isFirst = collective.rank === 0;
  return {
    isFirst,
    async any(value) {
      const count = Float32Array.of(value ? 1 : 0);
      await collective.sum(count);
      return count[0]! > 0;
    },
    barrier: () => collective.barrier(),
    checkSame: (step) => checkSameWeights(parameters(), collective, step),
    async inTurn(work) {
      if (isFirst) {
        const result = await work(true);
        await collective.barrier();
        return result;
      }
      await collective.barrier();
      return work(false);
    },
  };
}
