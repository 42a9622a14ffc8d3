import { readFile, rm, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { CheckpointError, createRng } from "@noisereel/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { listFolder, movingClip, temporaryFolder } from "../../test/helpers.js";
import {
  cacheKey,
  clipSha256,
  type LatentCacheOptions,
  type LatentPosterior,
  openLatentCache,
  samplePosterior,
} from "../index.js";

const posterior = (seed: number): LatentPosterior => ({
  shape: [2, 3, 4, 4],
  mean: createRng(seed).normals(96),
  logVariance: createRng(seed + 1000).normals(96),
});

const open = (folder: string, options: Partial<LatentCacheOptions> = {}) =>
  openLatentCache({ folder, encoder: "vae-1", transform: { size: 64, frames: 17 }, shardSize: 2, ...options });

describe("cacheKey", () => {
  test("does not depend on the order of keys, but on every part", () => {
    const parts = { content: "a", encoder: "b", transform: { size: 64, crop: { frames: 17, rate: 1 } } };
    const key = cacheKey(parts);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(cacheKey({ encoder: "b", transform: { crop: { rate: 1, frames: 17 }, size: 64 }, content: "a" })).toBe(key);
    for (const other of [
      { content: "c" },
      { encoder: "c" },
      { transform: { size: 65, crop: { frames: 17, rate: 1 } } },
    ]) {
      expect(cacheKey({ ...parts, ...other })).not.toBe(key);
    }
  });

  test("clipSha256 depends on pixels and shape only", () => {
    const clip = movingClip({ frames: 2, height: 4, width: 6 });
    expect(clipSha256({ ...clip, id: "other", fps: 1 } as never)).toBe(clipSha256(clip));
    expect(clipSha256({ ...clip, height: 6, width: 4 })).not.toBe(clipSha256(clip));
  });
});

describe("the cache", () => {
  test("gives back exactly what was put, before and after it is on disk, and in another process", async () => {
    const folder = await temporaryFolder();
    const cache = await open(folder);
    for (const seed of [1, 2, 3]) await cache.put(`clip-${seed}`, posterior(seed));
    expect(await cache.get("clip-1")).toEqual(posterior(1)); // in a shard
    expect(await cache.get("clip-3")).toEqual(posterior(3)); // still in memory
    await cache.flush();
    const again = await open(folder);
    for (const seed of [1, 2, 3]) expect(await again.get(`clip-${seed}`)).toEqual(posterior(seed));
    expect([again.has("clip-3"), again.has("clip-4"), await again.get("clip-4")]).toEqual([true, false, undefined]);
    expect(await again.stats()).toMatchObject({ shards: 2, usable: 3, foreign: 0, ignored: [] });
    await again.put("clip-1", posterior(9)); // known already
    expect(await again.get("clip-1")).toEqual(posterior(1));
  });

  test("F16 rounds", async () => {
    const cache = await open(await temporaryFolder(), { dtype: "F16" });
    await cache.put("a", posterior(1));
    await cache.flush();
    const { mean } = (await cache.get("a"))!;
    // Half floats have 11 significant bits.
    mean.forEach((value, i) =>
      expect(Math.abs(value - posterior(1).mean[i]!)).toBeLessThan(Math.abs(value) * 2 ** -11 + 1e-7),
    );
  });

  test("an entry of another encoder or transform is never given out", async () => {
    const folder = await temporaryFolder();
    const cache = await open(folder);
    await cache.put("a", posterior(1));
    await cache.flush();
    for (const other of [{ encoder: "vae-2" }, { transform: { size: 32, frames: 17 } }]) {
      const stranger = await open(folder, other);
      expect(await stranger.get("a")).toBeUndefined();
      expect(await stranger.stats()).toMatchObject({ usable: 0, foreign: 1 });
    }
  });

  test("many writers at once, in one process and in one folder", async () => {
    const folder = await temporaryFolder();
    const writers = await Promise.all([open(folder), open(folder)]);
    await Promise.all(Array.from({ length: 20 }, (_, i) => writers[i % 2]!.put(`clip-${i}`, posterior(i))));
    await Promise.all(writers.map((writer) => writer.flush()));
    const reader = await open(folder);
    for (let i = 0; i < 20; i++) expect(await reader.get(`clip-${i}`)).toEqual(posterior(i));
  });

  test("a failed write is told and loses nothing", async () => {
    const folder = path.join(await temporaryFolder(), "cache");
    const cache = await open(folder);
    await cache.put("a", posterior(1));
    await rm(folder, { recursive: true });
    await writeFile(folder, "in the way");
    await expect(cache.flush()).rejects.toThrow(`cannot write the latent cache in ${folder}`);
    expect(await cache.get("a")).toEqual(posterior(1));
    await rm(folder);
    await cache.flush();
    expect(await (await open(folder)).get("a")).toEqual(posterior(1));
  });

  test("wrong sizes are refused", async () => {
    const cache = await open(await temporaryFolder());
    await expect(cache.put("a", { ...posterior(1), shape: [2, 3, 4, 5] })).rejects.toThrow("96 means");
    await expect(open(await temporaryFolder(), { shardSize: 0 })).rejects.toThrow("shardSize is 0");
  });
});

describe("damage", () => {
  async function filled(): Promise<{ folder: string; shard: string; index: string }> {
    const folder = await temporaryFolder();
    const cache = await open(folder);
    await cache.put("a", posterior(1));
    await cache.flush();
    const [shard, index] = await listFolder(folder);
    return { folder, shard: path.join(folder, shard!), index: path.join(folder, index!) };
  }

  test("a writer killed at any byte of the shard or its index leaves a cache that works without that shard", async () => {
    const { folder, shard, index } = await filled();
    const [shardBytes, indexBytes] = [await readFile(shard), await readFile(index)];
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.double({ min: 0, max: 0.99, noNaN: true }), async (inIndex, part) => {
        await writeFile(shard, inIndex ? shardBytes : shardBytes.subarray(0, Math.floor(part * shardBytes.length)));
        await writeFile(
          index,
          inIndex ? indexBytes.subarray(0, Math.floor(part * (indexBytes.length - 1))) : indexBytes,
        );
        const cache = await open(folder);
        expect(await cache.get("a")).toBeUndefined();
        expect((await cache.stats()).ignored.length).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
    await writeFile(shard, shardBytes);
    await writeFile(index, indexBytes);
    expect(await (await open(folder)).get("a")).toEqual(posterior(1));
  });

  test("verify finds flipped bits, prune deletes them and what killed writers left", async () => {
    const { folder, shard } = await filled();
    const bytes = await readFile(shard);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(shard, bytes);
    const old = new Date(Date.now() - 3_600_000);
    for (const name of ["latents-0123456789abcdef.safetensors", ".tmp-latents-x.safetensors-1"]) {
      await writeFile(path.join(folder, name), "half");
      await utimes(path.join(folder, name), old, old);
    }
    await writeFile(path.join(folder, "mine.txt"), "not of the cache");
    const cache = await open(folder);
    expect(await cache.verify()).toEqual([
      { file: path.basename(shard), reason: expect.stringContaining("was damaged") },
    ]);
    expect((await cache.stats()).ignored.length).toBe(2);
    expect((await cache.prune()).length).toBe(4);
    expect(await listFolder(folder)).toEqual(["mine.txt"]);
    expect(await cache.get("a")).toBeUndefined();
  });

  test("prune leaves other encoders' shards unless told otherwise", async () => {
    const { folder } = await filled();
    const other = await open(folder, { encoder: "vae-2" });
    expect(await other.prune()).toEqual([]);
    expect((await other.prune({ foreign: true })).length).toBe(2);
    expect(await listFolder(folder)).toEqual([]);
  });

  test("a shard that vanishes under an open cache is a CheckpointError", async () => {
    const { folder, shard } = await filled();
    const cache = await open(folder);
    await writeFile(shard, "gone");
    await expect(cache.get("a")).rejects.toThrow(CheckpointError);
  });
});

test("samples have the posterior's mean and deviation; extreme log-variances are bounded", () => {
  const count = 20_000;
  const shape = [1, 1, count, 1] as const;
  const wide = { shape, mean: new Float32Array(count).fill(3), logVariance: new Float32Array(count).fill(Math.log(4)) };
  const sample = samplePosterior(wide, createRng(2));
  const mean = sample.reduce((sum, value) => sum + value, 0) / count;
  const variance = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count;
  expect(mean).toBeCloseTo(3, 1); // standard error 0.014
  expect(Math.abs(variance - 4)).toBeLessThan(0.2); // standard error 0.04
  const narrow = { shape: [1, 1, 1, 1] as const, mean: Float32Array.of(3), logVariance: Float32Array.of(-1000) };
  expect(samplePosterior(narrow, createRng(2))[0]).toBeCloseTo(3, 5);
});
