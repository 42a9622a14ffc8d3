// A group of "processes" in one: what MPI does, by promises. For tests without MPI.
import type { Collective } from "@noisereel/trainer";

interface Round {
  readonly arrived: (Float32Array | Uint8Array | undefined)[];
  readonly waiting: (() => void)[];
}

export function inProcessGroup(size: number): Collective[] {
  let round: Round = { arrived: [], waiting: [] };
  /** Waits for all ranks, then lets the last one to come do the work before any goes on. */
  function meet(
    rank: number,
    values: Float32Array | Uint8Array | undefined,
    work: (all: Round["arrived"]) => void,
  ): Promise<void> {
    const own = round;
    own.arrived[rank] = values;
    return new Promise((resolve) => {
      own.waiting.push(resolve);
      if (own.waiting.length < size) return;
      round = { arrived: [], waiting: [] };
      work(own.arrived);
      for (const go of own.waiting) go();
    });
  }
  return Array.from({ length: size }, (_, rank) => ({
    name: "in-process",
    rank,
    size,
    sum: (values) =>
      meet(rank, values, (all) => {
        const arrays = all as Float32Array[];
        const sums = Float32Array.from(arrays[0]!, (_value, index) =>
          arrays.reduce((sum, array) => Math.fround(sum + array[index]!), 0),
        );
        for (const array of arrays) array.set(sums);
      }),
    broadcast: (bytes) =>
      meet(rank, bytes, (all) => {
        for (const array of all as Uint8Array[]) array.set((all as Uint8Array[])[0]!);
      }),
    barrier: () => meet(rank, undefined, () => undefined),
    close: async () => undefined,
  }));
}
