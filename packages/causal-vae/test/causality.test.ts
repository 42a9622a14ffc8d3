import { createRng, eagerExecutor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { CausalVaeConfigInput } from "../src/config.js";
import { sliceFrames } from "../src/frames.js";
import { streamed } from "../src/streamed.js";
import { smallCausalVae, smallReleaseVae } from "./small.js";

beforeAll(() => tf.setBackend("cpu"));

const configurations: readonly CausalVaeConfigInput[] = [
  {},
  {
    encoder_temporal_downsample: ["TimeDownsampleRes2x", "TimeDownsampleRes2x", "", ""],
    decoder_temporal_upsample: ["", "", "TimeUpsampleRes2x", "TimeUpsampleRes2x"],
  },
  { encoder_attention: "AttnBlock3DFix", decoder_attention: "AttnBlock" },
];

/** `x` with other values from frame `from` on. */
function changedFrom(x: tf.Tensor5D, from: number): tf.Tensor5D {
  const noise = createRng(99).normal(x.shape) as tf.Tensor5D;
  return tf.concat([sliceFrames(x, 0, from), sliceFrames(noise, from, x.shape[1] - from)], 1);
}

const largest = (a: tf.Tensor, b: tf.Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;

test("latents 0 to k do not change when frames after 4k change", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.nat({ max: 2 }),
      fc.nat({ max: 1000 }),
      fc.constantFrom(...configurations),
      (later, unchanged, seed, configuration) => {
        const vae = smallCausalVae(configuration);
        const k = Math.min(unchanged, later - 1);
        const video = createRng(seed).normal([1, 4 * later + 1, 8, 8, 3]) as tf.Tensor5D;
        const before = vae.moments(video);
        const after = vae.moments(changedFrom(video, 4 * k + 1));
        expect(largest(sliceFrames(before, 0, k + 1), sliceFrames(after, 0, k + 1))).toBe(0);
        expect(largest(before, after)).toBeGreaterThan(0);
        vae.dispose();
      },
    ),
    { numRuns: 8, seed: 1 },
  );
});

test("frames 0 to 4k do not change when latents after k change", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 }),
      fc.nat({ max: 1 }),
      fc.nat({ max: 1000 }),
      fc.constantFrom(...configurations),
      (later, unchanged, seed, configuration) => {
        const vae = smallCausalVae(configuration);
        const k = Math.min(unchanged, later - 1);
        const latents = createRng(seed).normal([1, later + 1, 1, 1, 4]) as tf.Tensor5D;
        const before = vae.decodeLatents(latents);
        const after = vae.decodeLatents(changedFrom(latents, k + 1));
        expect(largest(sliceFrames(before, 0, 4 * k + 1), sliceFrames(after, 0, 4 * k + 1))).toBe(0);
        expect(largest(before, after)).toBeGreaterThan(0);
        vae.dispose();
      },
    ),
    { numRuns: 6, seed: 1 },
  );
});

test("the released structure looks ahead", () => {
  const vae = smallReleaseVae();
  const video = createRng(4).normal([1, 9, 8, 8, 3]) as tf.Tensor5D;
  const changed = vae.moments(changedFrom(video, 5));
  expect(largest(sliceFrames(vae.moments(video), 0, 1), sliceFrames(changed, 0, 1))).toBeGreaterThan(1e-4);
  vae.dispose();
});

test.each(configurations)("pieces equal the whole clip: %j", async (configuration) => {
  const vae = smallCausalVae(configuration);
  const pieces = streamed(vae, { executor: eagerExecutor(), pieceFrames: 4 });
  const video = createRng(6).normal([1, 13, 8, 16, 3]) as tf.Tensor5D;
  const before = tf.memory().numTensors;
  const moments = await pieces.moments(video);
  const { mean } = vae.posterior(moments);
  const decoded = await pieces.decodeLatents(mean);
  // Float32 rounding: another order of the same sums.
  expect(largest(moments, vae.moments(video))).toBeLessThan(1e-4);
  expect(largest(decoded, vae.decodeLatents(mean))).toBeLessThan(1e-4);
  expect(tf.memory().numTensors - before).toBeLessThan(20); // what this test made; nothing of the 40 kept ones
  pieces.dispose();
  vae.dispose();
});

test("a model that looks ahead cannot be streamed", () => {
  const vae = smallReleaseVae();
  expect(() => streamed(vae, { executor: eagerExecutor() })).toThrow(/looks ahead in time/);
  vae.dispose();
});
