// Checkpoints of a run in a store: their names, and the newest.
import type { Checkpoint, CheckpointStore } from "@noisereel/core";

export interface FoundCheckpoint {
  readonly id: string;
  readonly checkpoint: Checkpoint;
}

/** `step-000123`: sorts by name as by step, up to a million steps and beyond in a store that sorts by number. */
export function checkpointId(step: number): string {
  return `step-${String(step).padStart(6, "0")}`;
}

/** The newest checkpoint that verifies, or undefined. */
export async function latestCheckpoint(store: CheckpointStore): Promise<FoundCheckpoint | undefined> {
  const id = (await store.list()).at(-1);
  return id === undefined ? undefined : { id, checkpoint: await store.load(id) };
}

/** Saves under the step's name and returns it. */
export async function saveCheckpoint(store: CheckpointStore, step: number, checkpoint: Checkpoint): Promise<string> {
  const id = checkpointId(step);
  await store.save(id, checkpoint);
  return id;
}
