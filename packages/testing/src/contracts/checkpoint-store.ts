// What every checkpoint store has to do, as tests that any runner can run.
import type { CheckpointStore, MaybePromise } from "@noisereel/core";
import { checkpointStoreCases } from "./checkpoint-store-cases.js";
import type { TestRunner } from "./executor.js";

/** An empty store, and what a test can do to it from outside. */
export interface StoreUnderTest {
  readonly store: CheckpointStore;
  /** Another instance on the same storage, as the next process would make it. Left out for stores that live in a process. */
  readonly reopen?: (() => MaybePromise<CheckpointStore>) | undefined;
  /** Damages what is stored of a checkpoint, e.g. by changing one byte of it. */
  readonly damage?: ((id: string) => MaybePromise<void>) | undefined;
  /** Removes what the test left. */
  readonly dispose?: (() => MaybePromise<void>) | undefined;
}

/**
 * Declares the tests of one store: every kind of tensor comes back bit by bit, in order, in the next process too; a save
 * that fails half way leaves what was there; a damaged checkpoint is neither listed nor loaded.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeCheckpointStore("mine", () => ({ store: myStore() }), { describe, it });
 * ```
 */
export function describeCheckpointStore(
  name: string,
  make: () => MaybePromise<StoreUnderTest>,
  options: TestRunner,
): void {
  options.describe(`checkpoint store ${name}`, () => {
    for (const { name: what, needs, check } of checkpointStoreCases) {
      options.it(what, async (context) => {
        const under = await make();
        try {
          if (needs !== undefined && under[needs] === undefined) context.skip(`the store under test has no ${needs}()`);
          else await check(under);
        } finally {
          await under.dispose?.();
        }
      });
    }
  });
}
