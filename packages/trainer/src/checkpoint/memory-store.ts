// Checkpoints in memory: for tests, notebooks and browsers.
import { type Checkpoint, CheckpointError, type CheckpointStore } from "@noisereel/core";

/** Keeps the newest `keep` checkpoints (default 3) while the process lives. */
export function memoryStore(options: { readonly keep?: number } = {}): CheckpointStore {
  const keep = options.keep ?? 3;
  const held = new Map<string, Checkpoint>();
  return {
    name: "memory",
    list: () => [...held.keys()],
    load(id) {
      const checkpoint = held.get(id);
      if (checkpoint === undefined) {
        throw new CheckpointError(`there is no checkpoint "${id}"; there are ${[...held.keys()].join(", ") || "none"}`);
      }
      return checkpoint;
    },
    save(id, checkpoint, { signal } = {}) {
      signal?.throwIfAborted();
      // A copy, because the caller may use its memory again; made before anything is replaced.
      const tensors = new Map(
        [...checkpoint.tensors].map(([name, one]) => [name, { ...one, bytes: one.bytes.slice() }]),
      );
      held.delete(id);
      held.set(id, { tensors, meta: structuredClone(checkpoint.meta) });
      for (const old of [...held.keys()].slice(0, -keep)) held.delete(old);
    },
    remove(id) {
      held.delete(id);
    },
  };
}
