// Random choices that both trainings make.
import type { Rng } from "@noisereel/core";

/** `count` of `items`, none twice as long as there are enough. */
export function drawWithoutRepeats<Item>(items: readonly Item[], count: number, rng: Rng): Item[] {
  const chosen: Item[] = [];
  let left: Item[] = [];
  while (chosen.length < count) {
    if (left.length === 0) left = [...items];
    chosen.push(...left.splice(rng.integer(left.length), 1));
  }
  return chosen;
}
