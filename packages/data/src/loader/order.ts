// In which order a run sees the clips of a source.
import { ConfigError, type Rng } from "@noisereel/core";

export interface ClipOrder {
  /** The index into the source of the item at `position`, counted from the start of the run over all epochs. */
  at(position: number): number;
}

/** Every epoch is a permutation of its own, or always 0, 1, 2, … without `shuffle`. Depends only on the arguments. */
export function clipOrder(options: {
  readonly length: number;
  readonly shuffle: boolean;
  readonly rng: Rng;
}): ClipOrder {
  const { length, shuffle, rng } = options;
  if (length < 1) throw new ConfigError("the source has no clips; give one with at least one");
  const recent = new Map<number, Uint32Array>(); // prefetching crosses at most one border between epochs
  const permutation = (epoch: number): Uint32Array => {
    const known = recent.get(epoch);
    if (known !== undefined) return known;
    const made = shuffled(length, rng.fork(String(epoch)));
    recent.set(epoch, made);
    if (recent.size > 2) recent.delete(recent.keys().next().value!);
    return made;
  };
  return {
    at(position) {
      const within = position % length;
      return shuffle ? permutation(Math.floor(position / length))[within]! : within;
    },
  };
}

function shuffled(length: number, rng: Rng): Uint32Array {
  const indices = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = rng.integer(last + 1);
    [indices[last], indices[other]] = [indices[other]!, indices[last]!];
  }
  return indices;
}
