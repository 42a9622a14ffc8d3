import { writeFile } from "node:fs/promises";
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
