// The first steps of a run, one at a time.
import type { NamedTensors } from "@noisereel/core";
import { itemFeed, loadItems } from "../item-feed.js";
import type { SetUp } from "../set-up.js";
import type { TrainOptions } from "../train-options.js";

export interface Stepper {
  /** Runs the next step. */
  next(): Promise<void>;
  /** That were run. */
  done(): number;
  close(): void;
}

/** As a run does, the next step's items are fetched while one runs. Beyond the run's last step that one is repeated. */
export function stepper<Item, Batch extends NamedTensors>(
  run: SetUp<Item>,
  options: TrainOptions<Item, Batch>,
  signal: AbortSignal | undefined,
): Stepper {
  const at = (step: number): number => Math.min(step, options.totalSteps - 1);
  const feed = itemFeed(
    async (step) => loadItems(run.share(await options.items(at(step), run.itemRng(at(step))))),
    Infinity,
  );
  let done = 0;
  return {
    async next() {
      signal?.throwIfAborted();
      const taken = await feed.take(done);
      feed.begin(done + 1);
      await run.runStep(taken, at(done), at(done) + 1);
      done++;
    },
    done: () => done,
    close: () => feed.close(),
  };
}
