// Transforms one after the other.
import type { Clip, ClipTransform, MaybePromise, Rng } from "@noisereel/core";
import { choosingTransform, isChoosing } from "./choosing.js";

/**
 * One transform out of several, run in order. Each draws from its own stream. When the first one is a `temporalCrop`, the
 * loader has only the frames decoded that it takes, where the source can do that.
 */
export function pipeline(transforms: readonly ClipTransform[]): ClipTransform {
  const streamOf = (rng: Rng, index: number): Rng => rng.fork(String(index));
  const runFrom = async (first: number, clip: MaybePromise<Clip>, rng: Rng): Promise<Clip> => {
    let result = await clip;
    for (let index = first; index < transforms.length; index++) {
      result = await transforms[index]!(result, streamOf(rng, index));
    }
    return result;
  };
  const whole: ClipTransform = (clip, rng) => runFrom(0, clip, rng);
  const [first] = transforms;
  if (!isChoosing(first)) return whole;
  return choosingTransform(
    {
      choose: (clip, rng) => first.choose(clip, streamOf(rng, 0)),
      rest: (clip, rng) => runFrom(1, first.rest(clip, streamOf(rng, 0)), rng),
    },
    whole,
  );
}
