import { createRng } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { movingClip } from "../test/helpers.js";
import {
  checkVideoShape,
  cropRange,
  frameIndices,
  framePixels,
  nearestLegalFrames,
  nearestLegalSizes,
  resampledIndices,
  resampleFps,
  stillIndices,
  temporalCrop,
} from "./index.js";

const sizes = fc.record({
  total: fc.integer({ min: 1, max: 400 }),
  frames: fc.integer({ min: 1, max: 80 }),
  sampleRate: fc.integer({ min: 1, max: 5 }),
});

describe("frame numbers", () => {
  test("stay in the clip, never go back, begin and end where the crop does", () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (options, draw) => {
        const { size, maxBegin } = cropRange(options);
        const begin = draw % (maxBegin + 1);
        const indices = frameIndices({ ...options, begin });
        expect(indices.length).toBe(options.frames);
        expect(indices[0]).toBe(begin);
        if (options.frames > 1) expect(indices.at(-1)).toBe(Math.min(begin + size, options.total) - 1);
        indices.forEach((index, i) => i > 0 && expect(index).toBeGreaterThanOrEqual(indices[i - 1]!));
      }),
    );
  });

  test("by default the last frame can be reached; with compat it cannot", () => {
    const options = { total: 20, frames: 5 };
    expect(frameIndices({ ...options, begin: cropRange(options).maxBegin }).at(-1)).toBe(19);
    expect(frameIndices({ ...options, begin: cropRange({ ...options, compat: true }).maxBegin }).at(-1)).toBe(18);
  });

  test("resampling keeps the duration and takes the nearest frame", () => {
    expect(resampledIndices({ total: 6, fps: 30, targetFps: 10 })).toEqual([0, 3]);
    expect(resampledIndices({ total: 4, fps: 10, targetFps: 20 })).toEqual([0, 1, 1, 2, 2, 3, 3, 3]);
    expect(resampleFps(movingClip({ frames: 30, height: 4, width: 4, fps: 30 }), 16)).toMatchObject({
      frames: 16,
      fps: 16,
    });
  });

  test("more stills than frames are refused", () => {
    expect(() => stillIndices({ frames: 4, count: 5 })).toThrow("count is 5; use 1 to 4");
  });
});

describe("temporalCrop", () => {
  const clip = movingClip({ frames: 20, height: 4, width: 4, fps: 12 });

  test("the same draw gives the same crop; the rate follows the frames", async () => {
    const crop = temporalCrop({ frames: 5, sampleRate: 2 });
    const a = await crop(clip, createRng(3));
    expect(await crop(clip, createRng(3))).toEqual(a);
    expect(a.frames).toBe(5);
    expect(a.fps).toBeCloseTo((12 * 4) / 9); // the last frame of the crop is taken exactly, so a step is longer
    expect(a.caption).toBe(clip.caption);
  });

  test("start and middle do not draw", async () => {
    const rng = createRng(1);
    const before = rng.state();
    const start = await temporalCrop({ frames: 5, position: "start" })(clip, rng);
    const middle = await temporalCrop({ frames: 5, position: "middle" })(clip, rng);
    expect(rng.state()).toEqual(before);
    expect(framePixels(start, 0)).toEqual(framePixels(clip, 0));
    expect(framePixels(middle, 0)).toEqual(framePixels(clip, 7));
  });

  test("a short clip repeats frames, or is an error that says how many are needed", async () => {
    expect((await temporalCrop({ frames: 41 })(clip, createRng(0))).frames).toBe(41);
    const strict = temporalCrop({ frames: 17, targetFps: 6, short: "throw" });
    expect(() => strict(clip, createRng(0))).toThrow(
      "clip moving has 10 frames at 6 frames a second but 17 are needed",
    );
  });

  test("wrong options fail when the transform is made", () => {
    expect(() => temporalCrop({ frames: 0 })).toThrow("frames is 0");
    expect(() => temporalCrop({ frames: 5, sampleRate: 1.5 })).toThrow("sampleRate is 1.5");
  });
});

describe("legal shapes", () => {
  test("the message names the nearest legal values", () => {
    const stride = { time: 4, height: 8, width: 8 };
    expect(() => checkVideoShape({ frames: 17, height: 64, width: 64 }, { stride })).not.toThrow();
    expect(() => checkVideoShape({ frames: 18, height: 60, width: 61 }, { stride })).toThrow(
      "18 frames are not possible: the number must be 4k + 1 (the first frame is encoded alone); nearest: 17 or 21. " +
        "height 60 is not possible: it must be a multiple of 8; nearest: 56 or 64. " +
        "width 61 is not possible: it must be a multiple of 8; nearest: 56 or 64",
    );
    expect(() => checkVideoShape({ frames: 17, height: 72, width: 64 }, { stride, patch: 2 })).toThrow(
      "multiple of 16; nearest: 64 or 80",
    );
  });

  test("nearest values are legal and around the given one", () => {
    fc.assert(
      fc.property(fc.integer({ min: -3, max: 300 }), fc.integer({ min: 1, max: 16 }), (value, step) => {
        const frames = nearestLegalFrames(value, { time: step });
        for (const legal of frames) expect((legal - 1) % step === 0 && legal >= 1).toBe(true);
        if (value >= 1) expect(frames[0]! <= value && frames.at(-1)! >= value).toBe(true);
        const sizes = nearestLegalSizes(value, { multiple: step });
        for (const legal of sizes) expect(legal % step === 0 && legal >= step).toBe(true);
        expect(sizes.at(-1)!).toBeGreaterThanOrEqual(value);
      }),
    );
  });
});
