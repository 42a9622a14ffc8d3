// Clips that are the given one up to a float32 rounding of its values.
//
// The gradients of |x - y|, ReLU, max pooling and of the unit length of a nearly dead feature vector jump. Where the
// rounding of the sums before decides on which side of a jump a value lies, the gradient of the whole network moves by
// more than its tolerance, and neither side is wrong. Another rounding of the input then lands on the golden's side.
import { createRng } from "@noisereel/core";
import type { GoldenArray } from "@noisereel/testing";

/** The distance of float32 numbers just above 1: the largest change of a value. */
const rounding = 2 ** -23;
const count = 8;

/** `count` clips, none of them the given one itself. */
export function* roundings(clip: GoldenArray): Generator<GoldenArray, void, void> {
  for (let index = 0; index < count; index++) {
    const rng = createRng(index);
    const data = Float32Array.from(clip.data, (value) => value + (2 * rng.uniform() - 1) * rounding);
    yield { shape: clip.shape, data };
  }
}
