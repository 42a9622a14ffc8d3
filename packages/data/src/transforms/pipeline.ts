// Transforms one after the other.
import type { ClipTransform } from "@noisereel/core";

/** One transform out of several, run in order. Each draws from its own stream. */
export function pipeline(transforms: readonly ClipTransform[]): ClipTransform {
  return async (clip, rng) => {
    let result = clip;
    for (const [index, transform] of transforms.entries()) {
      result = await transform(result, rng.fork(String(index)));
    }
    return result;
  };
}
