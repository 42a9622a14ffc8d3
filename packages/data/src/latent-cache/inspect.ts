// A latent cache as its keeper sees it: what is in it, from whom, and whether it is sound. No encoder is needed.
import { readdir, stat } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { openLatentCache, type VerifyCacheOptions } from "./cache.js";
import { indexEnding, readShardIndex } from "./shard.js";

export interface LatentCacheContents {
  readonly shards: number;
  /** Bytes of all shards. */
  readonly bytes: number;
  readonly entries: number;
  /** Entries of each encoder and transform, the largest group first. */
  readonly groups: readonly { readonly encoder: string; readonly transform: string; readonly entries: number }[];
  /** Files that are not used, with the reason. */
  readonly ignored: readonly { readonly file: string; readonly reason: string }[];
}

export interface InspectedLatentCache {
  readonly contents: LatentCacheContents;
  /** Compares every shard with its sha256 and returns the damaged ones. */
  verify(options?: VerifyCacheOptions): Promise<readonly { readonly file: string; readonly reason: string }[]>;
  /** Deletes leftovers of killed writers and damaged shards; sound entries of every encoder stay. Returns their names. */
  prune(options?: VerifyCacheOptions): Promise<readonly string[]>;
}

/** Reads the indexes of the cache in `folder`. Throws a `ConfigError` when there is no such folder. */
export async function inspectLatentCache(options: { readonly folder: string }): Promise<InspectedLatentCache> {
  const { folder } = options;
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true)
    throw new ConfigError(`the cache ${folder} is no folder; give the folder of its shards`);
  const cache = await openLatentCache({ folder, encoder: "", transform: null });
  const groups = new Map<string, { encoder: string; transform: string; entries: number }>();
  for (const name of (await readdir(folder)).filter((file) => file.endsWith(indexEnding))) {
    const index = await readShardIndex(path.join(folder, name));
    if ("reason" in index) continue; // it is among the ignored
    for (const { encoder, transform } of index.entries) {
      const key = `${encoder}\n${transform}`;
      const group = groups.get(key) ?? { encoder, transform, entries: 0 };
      groups.set(key, { ...group, entries: group.entries + 1 });
    }
  }
  const { shards, bytes, usable, foreign, ignored } = await cache.stats();
  return {
    contents: {
      shards,
      bytes,
      entries: usable + foreign,
      groups: [...groups.values()].toSorted((a, b) => b.entries - a.entries),
      ignored,
    },
    verify: (call) => cache.verify(call),
    prune: (call) => cache.prune(call),
  };
}
