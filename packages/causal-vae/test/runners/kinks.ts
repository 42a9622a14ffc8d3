// Inputs that differ from a given one by less than float32 noise, on other sides of a loss's kinks.
//
// The gradient of |x - y| jumps where x = y, that of a ReLU at 0. A reconstruction carries float32 noise of about 1e-5
// (the goldens' own record), so a value of it that lies closer than this to the clip's has a sign that rounding decides:
// one such sign moves a whole gradient by half a percent, far more than its tolerance, and neither side is wrong. A
// gradient then agrees with the golden one at the given input or at one that is the same up to that noise.
import { createRng } from "@noisereel/core";
import type { GoldenArray } from "@noisereel/testing";

/** Largest distance of a reconstructed value from the clip's that counts as a kink. */
const kinkWidth = 3e-5;
/** Kinks of L1 whose sides are tried, the nearest ones. */
const sides = 2;
/** Changes of the whole clip that are tried, against kinks inside the networks, and how large they are. */
const shakes = 3;
const shake = 3e-6;

/** Variants of `video`, after the given one itself: every choice of the nearest kinks' sides, then the same shaken. */
export function* withinNoise(video: GoldenArray, reconstruction: GoldenArray): Generator<GoldenArray, void, void> {
  const distance = (i: number): number => reconstruction.data[i]! - video.data[i]!;
  const near = [...video.data.keys()]
    .filter((i) => Math.abs(distance(i)) < kinkWidth)
    .toSorted((a, b) => Math.abs(distance(a)) - Math.abs(distance(b)))
    .slice(0, sides);
  for (let round = 0; round <= shakes; round++) {
    const rng = createRng(round);
    const noise = Float32Array.from(video.data, () => (round === 0 ? 0 : (2 * rng.uniform() - 1) * shake));
    for (let choice = 0; choice < 2 ** near.length; choice++) {
      if (round + choice === 0) continue;
      const data = Float32Array.from(video.data, (value, i) => value + noise[i]!);
      near.forEach((i, place) => {
        // To the other side, as far as it was on this one and at least a little.
        if ((choice >> place) % 2 === 1)
          data[i]! += distance(i) + Math.sign(distance(i)) * Math.max(5e-6, Math.abs(distance(i)));
      });
      yield { shape: video.shape, data };
    }
  }
}
