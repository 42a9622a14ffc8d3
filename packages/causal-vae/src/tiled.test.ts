import { createRng, type ProgressEvent } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { smallCausalVae } from "../test/small.js";
import { tiled } from "./tiled.js";
import { blendWeights, chunkRanges, tileRanges } from "./tiling/grid.js";

beforeAll(() => tf.setBackend("cpu"));

const draw = (shape: number[]): tf.Tensor5D => createRng(8).normal(shape) as tf.Tensor5D;

describe("ranges", () => {
  test("the reference cuts to the end of the axis", () => {
    expect(tileRanges(256, 256, 192, "reference")).toEqual([
      { start: 0, end: 256 },
      { start: 192, end: 256 },
    ]);
    expect(tileRanges(256, 256, 192, "compact")).toEqual([{ start: 0, end: 256 }]);
  });

  test("compact tiles cover every element and none lies inside another", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 4, max: 64 }), (size, tile) => {
        const ranges = tileRanges(size, tile, Math.ceil(tile * 0.75), "compact");
        expect(ranges[0]!.start).toBe(0);
        expect(ranges.at(-1)!.end).toBe(size);
        for (const [index, range] of ranges.entries()) {
          if (index > 0) expect(range.start).toBeLessThanOrEqual(ranges[index - 1]!.end);
          if (index > 0) expect(range.end).toBeGreaterThan(ranges[index - 1]!.end);
        }
      }),
    );
  });

  test("chunks share one frame", () => {
    expect(chunkRanges(13, 9)).toEqual([
      { start: 0, end: 9 },
      { start: 8, end: 13 },
    ]);
    expect(chunkRanges(13, 5).map(({ start, end }) => end - start)).toEqual([5, 5, 5]);
    expect(chunkRanges(5, 9)).toEqual([{ start: 0, end: 5 }]);
  });

  test("blend weights begin at 0 and, with the other tile's, sum to 1", () => {
    expect([...blendWeights(4)]).toEqual([0, 0.25, 0.5, 0.75]);
  });
});

test("one tile equals no tiling, exactly", async () => {
  const vae = smallCausalVae();
  const video = draw([1, 5, 16, 16, 3]);
  const wrapped = tiled(vae, { tileSize: 16, overlap: 0.5 });
  expect(await (await wrapped.moments(video)).data()).toEqual(await vae.moments(video).data());
  vae.dispose();
});

test.each(["compact", "reference"] as const)("%s: sizes fit, tiles are reported, nothing leaks", async (grid) => {
  const vae = smallCausalVae();
  const video = draw([1, 9, 16, 24, 3]);
  const wrapped = tiled(vae, { tileSize: 16, overlap: 0.5, chunkFrames: 5, grid });
  const before = tf.memory().numTensors;
  const events: ProgressEvent[] = [];
  const latents = await wrapped.encode(video, { onProgress: (event) => events.push(event) });
  const decoded = await wrapped.decode(latents);
  expect(latents.shape).toEqual([1, 3, 2, 3, 4]);
  expect(decoded.shape).toEqual(video.shape);
  expect(tf.memory().numTensors).toBe(before + 2);
  const plan = wrapped.plan({ frames: 9, height: 16, width: 24 });
  expect(plan.passes).toBe(events.length);
  expect(events.at(-1)).toEqual({ type: "tile", index: plan.passes, count: plan.passes });
  vae.dispose();
});

test("a plan's memory is that of one tile", () => {
  const vae = smallCausalVae();
  const wrapped = tiled(vae, { tileSize: 64, chunkFrames: 17 });
  const small = wrapped.plan({ frames: 17, height: 64, width: 64 });
  const large = wrapped.plan({ frames: 65, height: 512, width: 512 });
  expect(small.passes).toBe(1);
  expect(large.passes).toBe(4 * 11 * 11);
  expect(large.bytes).toEqual(small.bytes);
  vae.dispose();
});

test("an abort stops between tiles and frees what was made", async () => {
  const vae = smallCausalVae();
  const video = draw([1, 1, 32, 32, 3]);
  const controller = new AbortController();
  const before = tf.memory().numTensors;
  const call = tiled(vae, { tileSize: 16, overlap: 0.5 }).moments(video, {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  });
  await expect(call).rejects.toThrow("enough");
  expect(tf.memory().numTensors).toBe(before);
  vae.dispose();
});

test.each([
  [{ tileSize: 20 }, /tileSize is 20; use a multiple of 8/],
  [{ overlap: 0.9 }, /overlap is 0.9; use a share from 0 to 0.75/],
  [{ overlap: 0.3 }, /moves tiles of 32 latents by 22.4/],
  [{ chunkFrames: 6 }, /chunkFrames is 6; use 4k \+ 1/],
] as const)("%j is refused", (options, message) => {
  const vae = smallCausalVae();
  expect(() => tiled(vae, options)).toThrow(message);
  vae.dispose();
});
