import type { Clip } from "@noisereel/core";
import { createRng } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { meanDifference, movingClip } from "../../test/helpers.js";
import {
  centerCrop,
  centerCropResize,
  centerRectangle,
  createResampler,
  framePixels,
  cropClip,
  horizontalFlip,
  pipeline,
  randomCrop,
  resizeClip,
  selectFrames,
} from "../index.js";
import { resampleTaps } from "./resample.js";

const rng = createRng(0);
const clip = movingClip({ frames: 3, height: 10, width: 16 });
const pixel = (of: Clip, t: number, y: number, x: number): number[] => {
  const at = ((t * of.height + y) * of.width + x) * 3;
  return [...of.pixels.subarray(at, at + 3)];
};

describe("resample", () => {
  test("weights sum to one, so a flat picture stays flat", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 70 }), (from, to) => {
        for (const { first, weights } of resampleTaps(from, to)) {
          expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
          expect(first >= 0 && first + weights.length <= from).toBe(true);
        }
      }),
    );
  });

  test("the same size is the identity", () => {
    const size = { height: 10, width: 16 };
    const input = clip.pixels.subarray(0, 480);
    expect([...createResampler({ from: size, to: size })(input)]).toEqual([...input]);
  });

  test("on bytes it gives the rounded numbers, for any rectangle and size", async () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, sizes, sizes, fc.nat(), async (height, width, toHeight, toWidth, seed) => {
        const noise = createRng(seed);
        const pixels = Uint8Array.from({ length: 2 * height * width * 3 }, () => noise.integer(256));
        const from = { id: "noise", pixels, frames: 2, height, width, fps: 1 };
        const to = { height: toHeight, width: toWidth };
        const rectangle = centerRectangle(from, to);
        const result = await centerCropResize(to)(from, rng);
        const exact = createResampler({ from: rectangle, to })(framePixels(cropClip(from, rectangle), 1));
        // Sums in float32: half a unit and the error of some additions.
        framePixels(result, 1).forEach((byte, i) => expect(Math.abs(byte - exact[i]!)).toBeLessThan(0.5 + 1e-4));
      }),
      { numRuns: 60 },
    );
  });

  test("a picture of the wrong length is refused", () => {
    const size = { height: 2, width: 2 };
    expect(() => createResampler({ from: size, to: size })(new Uint8Array(5))).toThrow("input has 5 numbers; 2x2");
  });
});

describe("crop and resize", () => {
  test("the centre square along the short edge; offsets of a half round to even", () => {
    expect(centerRectangle({ height: 6, width: 9 }, { height: 4, width: 4 })).toEqual({
      top: 0,
      left: 2,
      height: 6,
      width: 6,
    });
    expect(centerRectangle({ height: 6, width: 11 }, { height: 4, width: 4 }).left).toBe(2);
    expect(centerRectangle({ height: 100, width: 40 }, { height: 8, width: 16 })).toEqual({
      top: 40,
      left: 0,
      height: 20,
      width: 40,
    });
  });

  test("a crop keeps the pixels of every frame", () => {
    const cropped = cropClip(clip, { top: 3, left: 5, height: 4, width: 7 });
    expect(pixel(cropped, 2, 1, 6)).toEqual(pixel(clip, 2, 4, 11));
    expect(() => cropClip(clip, { top: 0, left: 10, height: 4, width: 7 })).toThrow(
      "does not fit into clip moving of 16x10",
    );
  });

  test("centerCropResize gives every frame the size; sharp agrees on smooth pictures", async () => {
    const smooth = selectFrames(movingClip({ frames: 2, height: 64, width: 96 }), [0, 1]);
    const reference = await centerCropResize(16)(smooth, rng);
    const sharp = await centerCropResize(16, { resizer: "sharp" })(smooth, rng);
    expect([reference.frames, reference.height, reference.width]).toEqual([2, 16, 16]);
    // Different kernels on an edge of a small square: a few grey levels on average.
    expect(meanDifference(reference.pixels, sharp.pixels)).toBeLessThan(4);
    expect(await resizeClip(reference, 16)).toBe(reference);
    const wide = await centerCropResize({ height: 8, width: 24 })(smooth, rng);
    expect([wide.height, wide.width]).toEqual([8, 24]);
    expect(() => centerCropResize(0)).toThrow("height is 0");
  });

  test("centre and random crops without scaling", async () => {
    expect(pixel(await centerCrop(4)(clip, rng), 0, 0, 0)).toEqual(pixel(clip, 0, 3, 6));
    const random = await randomCrop({ height: 9, width: 4 })(clip, createRng(5));
    expect(await randomCrop({ height: 9, width: 4 })(clip, createRng(5))).toEqual(random);
    expect(() => centerCrop(12)(clip, rng)).toThrow("a crop of 12x12");
  });
});

describe("flip and pipeline", () => {
  test("a flip mirrors all frames, twice is the identity", async () => {
    const always = horizontalFlip({ probability: 1 });
    const once = await always(clip, rng);
    expect(pixel(once, 2, 4, 0)).toEqual(pixel(clip, 2, 4, 15));
    expect((await always(once, rng)).pixels).toEqual(clip.pixels);
    expect(await horizontalFlip({ probability: 0 })(clip, rng)).toBe(clip);
    expect(() => horizontalFlip({ probability: 2 })).toThrow("probability is 2");
  });

  test("about half of the draws flip", async () => {
    let flips = 0;
    for (let seed = 0; seed < 200; seed++) if ((await horizontalFlip()(clip, createRng(seed))) !== clip) flips++;
    expect(flips).toBeGreaterThan(70); // 100 +- 7 expected; 70 is more than four deviations away
    expect(flips).toBeLessThan(130);
  });

  test("a pipeline runs in order with a stream for each transform", async () => {
    const draws: number[] = [];
    const note = (clip: Clip, rng: { uniform(): number }): Clip => {
      draws.push(rng.uniform());
      return clip;
    };
    const result = await pipeline([note, centerCropResize(4), note])(clip, createRng(1));
    expect([result.height, new Set(draws).size]).toEqual([4, 2]);
  });
});
