import { type ClipSource, createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { movingClip, movingSource } from "../test/helpers.js";
import {
  centerCropResize,
  clipSource,
  horizontalFlip,
  inMemory,
  pipeline,
  subset,
  transformedSource,
} from "./index.js";

/** Counts reads; can be told to fail. */
function counting(source: ClipSource): ClipSource & { reads: number[]; failing: Set<number> } {
  const reads: number[] = [];
  const failing = new Set<number>();
  return {
    name: source.name,
    length: source.length,
    reads,
    failing,
    async get(index, options) {
      reads.push(index);
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (failing.has(index)) throw new Error(`no clip ${index}`);
      return source.get(index, options);
    },
  };
}

test("inMemory reads each clip once, also when it is asked for twice at a time", async () => {
  const inner = counting(movingSource(3));
  const source = inMemory(inner);
  const [a, b] = await Promise.all([source.get(1), source.get(1)]);
  expect(a).toBe(b);
  await source.get(1);
  expect(inner.reads).toEqual([1]);
});

test("inMemory forgets the least recently used clip, and failures at once", async () => {
  const inner = counting(movingSource(3));
  const source = inMemory(inner, { maxBytes: 2 * 9 * 8 * 8 * 3 });
  for (const index of [0, 1, 0, 2, 0, 1]) await source.get(index);
  expect(inner.reads).toEqual([0, 1, 2, 1]);
  inner.failing.add(2);
  const other = inMemory(inner);
  await expect(other.get(2)).rejects.toThrow("no clip 2");
  inner.failing.clear();
  expect((await other.get(2)).id).toBe("clip-2");
});

test("a transformed source gives a clip the same draws every time", async () => {
  const transform = pipeline([centerCropResize(4), horizontalFlip()]);
  const source = transformedSource(movingSource(6), transform, createRng(1));
  const first = await Promise.all([0, 1, 2, 3, 4, 5].map(async (i) => source.get(i)));
  const second = await Promise.all([5, 4, 3, 2, 1, 0].map(async (i) => source.get(i)));
  expect(second.toReversed()).toEqual(first);
  expect(first[0]).toMatchObject({ height: 4, width: 4 });
});

test("subset and clipSource check their indices", async () => {
  const part = subset(movingSource(5), [4, 1]);
  expect([part.length, (await part.get(0)).id]).toEqual([2, "clip-4"]);
  expect(() => subset(movingSource(2), [2])).toThrow("indices holds 2");
  expect(() => part.get(2)).toThrow("index is 2; the subset has 2 clips");
  expect(() => clipSource([movingClip({ frames: 1, height: 2, width: 2 })]).get(-1)).toThrow("index is -1");
});
