// Back to weights that were good, when the numbers stay broken.
import type { CheckpointStore } from "@noisereel/core";
import type { FoundCheckpoint } from "./checkpoint/latest.js";
import {
  checkpointProgress,
  type Counters,
  restoreCheckpoint,
  type TrainingParts,
} from "./checkpoint/training-state.js";
import { TrainingError } from "./errors.js";

export interface RollbackOptions {
  /** Why the run cannot go on. */
  readonly error: TrainingError;
  readonly store: CheckpointStore | undefined;
  readonly parts: TrainingParts;
  /** Rollbacks of this run so far. */
  readonly rollbacks: number;
  /** Rollbacks that are allowed. */
  readonly limit: number;
  /** Take the newest checkpoint as it is, because another process has removed those that lead nowhere. Default false. */
  readonly newest?: boolean;
}

/**
 * Puts the run's objects back to its last good checkpoint. When the newest one is where the last rollback went already, it
 * is removed and the one before it is taken: weights may be ruined before a number is. Throws `error` when there is no
 * checkpoint, and, after restoring, when the limit is reached.
 */
export async function rollBack(
  options: RollbackOptions,
): Promise<{ readonly counters: Counters; readonly id: string }> {
  const { error, store, parts, rollbacks, limit, newest = false } = options;
  const ids = (await store?.list()) ?? [];
  if (store === undefined || ids.length === 0) throw error;
  let found = await load(store, ids.at(-1)!);
  let tried = rollbacks > 0;
  for (const id of newest ? [] : ids.slice(0, -1).toReversed()) {
    // One that was written since the last rollback counts it; an older one has been tried.
    const triedBefore = tried && numberOf(found, "rollbacks") < rollbacks;
    if (!triedBefore && numberOf(found, "brokenInARow") === 0) break;
    if (triedBefore) tried = false;
    await store.remove(found.id);
    found = await load(store, id);
  }
  const counters = restoreCheckpoint(parts, found.checkpoint);
  if (rollbacks < limit) return { counters, id: found.id };
  const { step } = checkpointProgress(found.checkpoint);
  throw new TrainingError(
    `${error.message}; after ${rollbacks} rollbacks the run ends, its weights are those of step ${step} (${found.id}) again`,
    { step: error.step, items: error.items },
  );
}

async function load(store: CheckpointStore, id: string): Promise<FoundCheckpoint> {
  return { id, checkpoint: await store.load(id) };
}

function numberOf({ checkpoint }: FoundCheckpoint, key: "rollbacks" | "brokenInARow"): number {
  const value = checkpoint.meta[key];
  return typeof value === "number" ? value : 0;
}
