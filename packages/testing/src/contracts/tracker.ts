// What every tracker has to do, as tests that any runner can run.
import type { MaybePromise, Tracker } from "@noisereel/core";
import type { TestRunner } from "./executor.js";
import { trackerCases } from "./tracker-cases.js";

export interface TrackedValue {
  readonly step: number;
  readonly name: string;
  readonly value: number;
}

/** Where trackers write, and what can be read there. */
export interface TrackerUnderTest {
  /** A tracker on the same place each time, as the next process would make it. */
  readonly open: () => MaybePromise<Tracker>;
  /** What is there, in any order. Left out when it cannot be read back. */
  readonly read?: (() => MaybePromise<readonly TrackedValue[]>) | undefined;
  readonly dispose?: (() => MaybePromise<void>) | undefined;
}

/**
 * Declares the tests of one tracker: it takes whatever numbers a run has, several calls for a step, steps that go back after a
 * resume, and clips; what it was told can be read back, each step once, also when a run goes back behind what was `saved`.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeTracker("mine", () => ({ open: () => myTracker() }), { describe, it });
 * ```
 */
export function describeTracker(name: string, make: () => MaybePromise<TrackerUnderTest>, options: TestRunner): void {
  options.describe(`tracker ${name}`, () => {
    for (const { name: what, reads, check } of trackerCases) {
      options.it(what, async (context) => {
        const under = await make();
        try {
          if (reads === true && under.read === undefined) context.skip("the tracker under test has no read()");
          else await check(under);
        } finally {
          await under.dispose?.();
        }
      });
    }
  });
}
