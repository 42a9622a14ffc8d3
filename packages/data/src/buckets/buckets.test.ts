// Which bucket a clip falls into, and that batches are a function of seed and step that loses nothing silently.
import { createRng } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BucketItem, bucketName, bucketSampler, chooseBucket, parseBucket } from "../index.js";

const buckets = ["17x64x64", "33x64x64", "17x48x96", "1x64x64"].map(parseBucket);
const item = (id: string, frames: number, height = 64, width = 64, source?: string): BucketItem => ({
  id,
  frames,
  height,
  width,
  source,
});

describe("chooseBucket", () => {
  test.each<[number, number, number, string | undefined]>([
    [17, 64, 64, "17x64x64"],
    [40, 64, 64, "33x64x64"],
    [20, 54, 96, "17x48x96"],
    [20, 108, 192, "17x48x96"], // as many numbers per frame within 13 %, larger and nearer in aspect
    [5, 64, 64, "1x64x64"],
    [16, 32, 32, undefined],
  ])("%d frames of %d rows and %d columns: %s", (frames, height, width, expected) => {
    const { bucket, reason } = chooseBucket({ frames, height, width }, buckets);
    expect(bucket === undefined ? undefined : bucketName(bucket)).toBe(expected);
    expect(reason === undefined).toBe(expected !== undefined);
  });

  test("reasons are those that users ask for", () => {
    expect(chooseBucket(item("x", 64), [parseBucket("65x64x64")]).reason).toBe("needs 65 frames, has 64");
    expect(chooseBucket(item("x", 65, 32), [parseBucket("65x64x64")]).reason).toMatch(
      /65 frames of 64x32 fill none of the sizes 64x64/,
    );
    expect(() => parseBucket("17x0x3")).toThrow('"17x0x3" is no bucket');
  });
});

const many = Array.from({ length: 41 }, (_, i) => item(`clip-${i}`, 5 + i, 64, 64, i % 2 === 0 ? "a" : "b"));

test("every batch has one shape, an epoch shows every clip, each step depends only on the seed and itself", () => {
  const options = { items: many, buckets, batchSize: 4 };
  const sampler = bucketSampler({ ...options, rng: createRng(1) });
  const again = bucketSampler({ ...options, rng: createRng(1) });
  const backwards = [...Array(3 * sampler.batchesPerEpoch).keys()]
    .toReversed()
    .map((step) => again.batch(step))
    .toReversed();
  const epochs = [0, 1, 2].map(() => new Set<number>());
  backwards.forEach((batch, step) => {
    expect(sampler.batch(step)).toEqual(batch);
    expect(batch.indices).toHaveLength(4);
    for (const index of batch.indices) {
      expect(chooseBucket(many[index]!, buckets).bucket).toEqual(batch.bucket);
      epochs[batch.epoch]!.add(index);
    }
  });
  for (const seen of epochs) expect(seen.size).toBe(41);
  expect(bucketSampler({ ...options, rng: createRng(2) }).batch(0)).not.toEqual(sampler.batch(0));
  expect(sampler.report().buckets.map(({ bucket, clips, batches }) => [bucketName(bucket), clips, batches])).toEqual([
    ["17x64x64", 16, 4],
    ["33x64x64", 13, 4],
    ["17x48x96", 0, 0],
    ["1x64x64", 12, 3],
  ]);
});

test("drops and rests are reported", () => {
  const items = [...many, item("tiny", 40, 8, 8), item("wide", 20, 50, 100)];
  const sampler = bucketSampler({
    items,
    buckets,
    batchSize: 4,
    rng: createRng(0),
    incomplete: "drop",
  });
  expect(sampler.batchesPerEpoch).toBe(4 + 3 + 3);
  const { dropped, warnings } = sampler.report();
  expect(dropped).toEqual([
    { id: "tiny", reason: "40 frames of 8x8 fill none of the sizes 64x64, 96x48 at their lengths" },
    { id: "wide", reason: "its bucket 17x48x96 has fewer clips than a batch" },
  ]);
  expect(warnings).toEqual([
    "1 of 13 clips of bucket 33x64x64 are left out of each epoch, others each time",
    "bucket 17x48x96 has 1 clips, fewer than a batch of 4; none of them is used",
  ]);
  const repeating = bucketSampler({ items: items.slice(-1), buckets, batchSize: 4, rng: createRng(0) });
  expect(repeating.batch(0).indices).toEqual([0, 0, 0, 0]);
  expect(repeating.report().warnings[0]).toContain("some are seen several times in one batch");
});

test("weights say how often a source is seen", () => {
  const items = many.map((clip) => ({ ...clip, frames: 17 }));
  const sampler = bucketSampler({ items, buckets, batchSize: 1, rng: createRng(3), weights: { a: 2.5, b: 0.5 } });
  const counts = Array.from({ length: 41 }, () => 0);
  for (let step = 0; step < sampler.batchesPerEpoch; step++) counts[sampler.batch(step).indices[0]!]!++;
  const [a, b] = [0, 1].map((rest) => counts.filter((_, i) => i % 2 === rest)) as [number[], number[]];
  expect(a.reduce((sum, n) => sum + n, 0)).toBe(2 * 21 + 11);
  expect(new Set(a)).toEqual(new Set([2, 3]));
  expect(b.reduce((sum, n) => sum + n, 0)).toBe(10);
  const none = bucketSampler({ items, buckets, batchSize: 1, rng: createRng(3), weights: { b: 0 } });
  expect(none.report().dropped[0]).toEqual({ id: "clip-1", reason: "the weight of b is 0" });
});

test("the number of batches of an epoch is what is dealt out, for any data", () => {
  const clip = fc.record({
    id: fc.string(),
    frames: fc.integer({ min: 1, max: 40 }),
    height: fc.constant(64),
    width: fc.constant(64),
  });
  fc.assert(
    fc.property(fc.array(clip, { minLength: 1, maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (items, batchSize) => {
      const sampler = bucketSampler({ items, buckets, batchSize, rng: createRng(0) });
      expect(sampler.batch(sampler.batchesPerEpoch - 1).epoch).toBe(0);
      expect(sampler.batch(sampler.batchesPerEpoch).epoch).toBe(1);
    }),
    { numRuns: 50 },
  );
});

test.each<[object, RegExp]>([
  [{ batchSize: 0 }, /batchSize is 0/],
  [{ buckets: [] }, /buckets is empty/],
  [{ buckets: [buckets[0]!, buckets[0]!] }, /17x64x64 twice/],
  [{ weights: { a: -1 } }, /the weight of a is -1/],
  [{ weights: { c: 1 } }, /names c, which no clip comes from; sources are a, b/],
  [{ buckets: [parseBucket("99x64x64")] }, /no batch of 2 can be made of 41 clips \(clip-0: needs 99 frames, has 5/],
])("refuses %j", (change, message) => {
  expect(() => bucketSampler({ items: many, buckets, batchSize: 2, rng: createRng(0), ...change })).toThrow(message);
});
