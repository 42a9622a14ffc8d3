import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { listFolder, temporaryFolder } from "../../test/helpers.js";
import { inspectLatentCache, openLatentCache } from "../index.js";

test("tells whose latents there are, and keeps all of them when it tidies up", async () => {
  const folder = await temporaryFolder();
  const mean = createRng(1).normals(16);
  for (const [encoder, count] of [
    ["vae-1", 3],
    ["vae-2", 1],
  ] as const) {
    const cache = await openLatentCache({ folder, encoder, transform: { size: 64 }, shardSize: 2 });
    for (let i = 0; i < count; i++) await cache.put(`clip-${i}`, { shape: [1, 2, 2, 4], mean, logVariance: mean });
    await cache.flush();
  }
  await writeFile(path.join(folder, "latents-0.safetensors.index.json"), "{}");
  const inspected = await inspectLatentCache({ folder });
  const { contents } = inspected;
  expect(contents).toMatchObject({ shards: 3, entries: 4, ignored: [{ reason: "it is no shard index" }] });
  expect(contents.groups.map(({ encoder, entries }) => [encoder, entries])).toEqual([
    ["vae-1", 3],
    ["vae-2", 1],
  ]);
  expect(await inspected.verify()).toEqual([]);
  expect(await inspected.prune()).toEqual(["latents-0.safetensors.index.json"]);
  expect((await listFolder(folder)).length).toBe(6);
  expect((await inspectLatentCache({ folder })).contents.entries).toBe(4);
  await expect(inspectLatentCache({ folder: path.join(folder, "gone") })).rejects.toThrow("is no folder");
});

test("shares of a cache are verified, and tidied up, by one process each", async () => {
  const folder = await temporaryFolder();
  const notes = await temporaryFolder();
  const cache = await openLatentCache({ folder, encoder: "vae", transform: 1, shardSize: 1 });
  const mean = createRng(1).normals(16);
  for (let i = 0; i < 4; i++) await cache.put(`clip-${i}`, { shape: [1, 2, 2, 4], mean, logVariance: mean });
  const files = (await listFolder(folder)).filter((name) => name.endsWith(".safetensors"));
  for (const file of files.slice(1, 3)) {
    const bytes = await readFile(path.join(folder, file));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path.join(folder, file), bytes);
  }
  await writeFile(path.join(folder, "latents-0.safetensors.index.json"), "{}");
  const verified = async (rank: number): Promise<string[]> => {
    const opened = await inspectLatentCache({ folder });
    return (await opened.verify({ shared: { folder: notes, shard: { rank, size: 2 } } })).map(({ file }) => file);
  };
  expect([await verified(0), await verified(1)]).toEqual([[files[2]], [files[1]]]);
  const collected = { shared: { folder: notes, mode: "collect" } } as const;
  const all = await (await inspectLatentCache({ folder })).verify(collected);
  expect(all.map(({ file }) => file)).toEqual(files.slice(1, 3));
  const second = { shared: { folder: notes, shard: { rank: 1, size: 2 } } };
  expect(await (await inspectLatentCache({ folder })).prune(second)).toEqual([`${files[1]}.index.json`, files[1]]);
  expect(await (await inspectLatentCache({ folder })).prune(collected)).toEqual([
    `${files[2]}.index.json`,
    files[2],
    "latents-0.safetensors.index.json",
  ]);
  expect((await inspectLatentCache({ folder })).contents.entries).toBe(2);
});
