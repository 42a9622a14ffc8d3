// Encoded clips on disk, so that an autoencoder runs once for each of them. Never mandatory.
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { type CallOptions, CheckpointError, ConfigError, type JsonValue, sizeOf, toFloat32 } from "@noisereel/core";
import { openSafetensors, temporaryPrefix } from "@noisereel/core/node";
import { doWork, type SharedWork, workKey } from "../scale/shared-work.js";
import { cacheKey, canonicalJson } from "./key.js";
import {
  indexEnding,
  type LatentPosterior,
  readShardIndex,
  type ShardEntry,
  type ShardIndex,
  transformHash,
  verifyShard,
  writeShard,
} from "./shard.js";

export interface LatentCacheOptions {
  /** Created when it does not exist. */
  readonly folder: string;
  /** Identity of the encoder: a hash of its weights and configuration. */
  readonly encoder: string;
  /** How clips were cut and resized before encoding. */
  readonly transform: JsonValue;
  /** Clips in one file. Default 64. */
  readonly shardSize?: number | undefined;
  /** How numbers are stored. Default `F32`; `F16` halves the space and rounds. */
  readonly dtype?: "F32" | "F16" | "BF16" | undefined;
}

export interface LatentCacheStats {
  readonly shards: number;
  /** Bytes of all shards. */
  readonly bytes: number;
  /** Entries that this encoder and transform can use, those not yet flushed included. */
  readonly usable: number;
  /** Entries of other encoders or transforms. */
  readonly foreign: number;
  /** Files that are not used, with the reason. */
  readonly ignored: readonly { readonly file: string; readonly reason: string }[];
}

export interface VerifyCacheOptions extends CallOptions {
  /**
   * Verifies only this process's share of the cache's shards, and notes what was found; with the mode `collect` nothing is read
   * and all that was found counts. Notes are about a file's size, time of change and stated sha256: delete the folder
   * before a cache is verified anew.
   */
  readonly shared?: SharedWork | undefined;
}

export interface LatentCache {
  has(content: string): boolean;
  /** The posterior of the clip with this content hash, or undefined. A damaged entry throws a `CheckpointError`. */
  get(content: string): Promise<LatentPosterior | undefined>;
  /** Keeps a posterior in memory and writes a shard when enough have come. */
  put(content: string, posterior: LatentPosterior): Promise<void>;
  /** Writes what is still in memory. Call it at the end. */
  flush(): Promise<void>;
  stats(): Promise<LatentCacheStats>;
  /** Compares every shard with its sha256 and returns the damaged ones. */
  verify(options?: VerifyCacheOptions): Promise<readonly { readonly file: string; readonly reason: string }[]>;
  /**
   * Deletes leftovers of killed writers and damaged shards; with `foreign` also the shards that hold nothing of this
   * encoder and transform. A process with a share (see `verify`) deletes the damaged shards of its share; leftovers and foreign
   * shards are left to the first. Returns the names of the deleted files.
   */
  prune(options?: VerifyCacheOptions & { readonly foreign?: boolean }): Promise<readonly string[]>;
}

/** Opens the cache in `folder`. Entries of another encoder, transform or content are never given out. */
export async function openLatentCache(options: LatentCacheOptions): Promise<LatentCache> {
  const { folder, encoder, shardSize = 64, dtype = "F32" } = options;
  if (!Number.isInteger(shardSize) || shardSize < 1)
    throw new ConfigError(`shardSize is ${shardSize}; use a positive integer`);
  const transform = transformHash(canonicalJson(options.transform));
  const keyOf = (content: string): string => cacheKey({ content, transform: options.transform, encoder });
  await mkdir(folder, { recursive: true });

  const shards = new Map<string, ShardIndex>();
  const shardOf = new Map<string, string>();
  const ignored: { file: string; reason: string }[] = [];
  const pending = new Map<string, ShardEntry & { posterior: LatentPosterior }>();
  let writing: Promise<void> = Promise.resolve();

  const adopt = (index: ShardIndex): void => {
    shards.set(index.file, index);
    for (const { key } of index.entries) shardOf.set(key, index.file);
  };
  const names = await readdir(folder);
  for (const name of names
    .filter((file) => file.endsWith(indexEnding) && !file.startsWith(temporaryPrefix))
    .toSorted()) {
    const index = await readShardIndex(path.join(folder, name));
    if ("reason" in index) ignored.push({ file: name, reason: index.reason });
    else adopt(index);
  }

  const writePending = async (): Promise<void> => {
    const items = [...pending.values()].slice(0, shardSize);
    if (items.length === 0) return;
    const written = await writeShard(folder, items, dtype).catch((cause: Error) => {
      throw new CheckpointError(`cannot write the latent cache in ${folder}: ${cause.message}`, { cause });
    });
    adopt(written);
    for (const { key } of items) pending.delete(key);
  };
  /** One writer at a time; a failed write is told to its caller and what it held stays pending. */
  const enqueue = (task: () => Promise<void>): Promise<void> => {
    const done = writing.then(task);
    writing = done.catch(() => undefined);
    return done;
  };
  const isOurs = ({ entries }: ShardIndex): boolean =>
    entries.some((entry) => entry.encoder === encoder && entry.transform === transform);

  const verify: LatentCache["verify"] = async ({ shared, signal, onProgress } = {}) => {
    const items = [...shards.values()].toSorted((a, b) => (a.file < b.file ? -1 : 1));
    const reasons = await doWork<ShardIndex, { readonly reason: string | null }>({
      items,
      keyOf: ({ file, sha256 }) => workKey(path.join(folder, file), ["verify", sha256]),
      work: (index) =>
        verifyShard(folder, index).then(
          () => ({ reason: null }),
          (error: Error) => ({ reason: error.message }),
        ),
      shared,
      concurrency: 1,
      signal,
      onProgress,
    });
    return items.flatMap(({ file }, i) => {
      const reason = reasons[i]?.reason ?? undefined;
      return reason === undefined ? [] : [{ file, reason }];
    });
  };

  return {
    has: (content) => shardOf.has(keyOf(content)) || pending.has(keyOf(content)),
    async get(content) {
      const key = keyOf(content);
      const waiting = pending.get(key);
      if (waiting !== undefined) return waiting.posterior;
      const file = shardOf.get(key);
      return file === undefined ? undefined : readPosterior(path.join(folder, file), key);
    },
    async put(content, posterior) {
      const { shape, mean, logVariance } = posterior;
      if (mean.length !== sizeOf(shape) || logVariance.length !== sizeOf(shape)) {
        throw new ConfigError(
          `posterior of ${content} has ${mean.length} means and ${logVariance.length} log-variances; shape [${shape.join(", ")}] needs ${sizeOf(shape)}`,
        );
      }
      const key = keyOf(content);
      if (shardOf.has(key)) return;
      pending.set(key, { key, content, encoder, transform, posterior });
      if (pending.size >= shardSize)
        await enqueue(async () => (pending.size >= shardSize ? writePending() : undefined));
    },
    flush: () =>
      enqueue(async () => {
        while (pending.size > 0) await writePending();
      }),
    async stats() {
      const entries = [...shards.values()].flatMap((index) => index.entries);
      const usable = entries.filter((entry) => entry.encoder === encoder && entry.transform === transform).length;
      const bytes = [...shards.values()].reduce((sum, index) => sum + index.bytes, 0);
      const unused = [
        ...ignored,
        ...(await leftovers(folder, shards)).map((file) => ({ file, reason: "it has no index" })),
      ];
      return {
        shards: shards.size,
        bytes,
        usable: usable + pending.size,
        foreign: entries.length - usable,
        ignored: unused,
      };
    },
    verify,
    async prune({ foreign = false, ...call } = {}) {
      const damaged = new Set((await verify(call)).map(({ file }) => file));
      const isFirst = (call.shared?.shard?.rank ?? 0) === 0;
      const useless = [...shards.values()].filter(
        (index) => damaged.has(index.file) || (isFirst && foreign && !isOurs(index)),
      );
      for (const index of useless) {
        shards.delete(index.file);
        for (const { key } of index.entries) if (shardOf.get(key) === index.file) shardOf.delete(key);
      }
      const files = [
        ...useless.flatMap(({ file }) => [`${file}${indexEnding}`, file]), // the index first: it makes the shard count
        ...(isFirst ? ignored.splice(0).map(({ file }) => file) : []),
      ];
      for (const file of files) await rm(path.join(folder, file), { force: true });
      const rest = isFirst ? await leftovers(folder, shards) : [];
      for (const file of rest) await rm(path.join(folder, file), { force: true });
      return [...files, ...rest];
    },
  };
}

/** Our own files that no index speaks of, untouched for a minute: another process may be writing right now. */
async function leftovers(folder: string, shards: ReadonlyMap<string, ShardIndex>): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const isShard = /^latents-[0-9a-f]+\.safetensors$/.test(name) && !shards.has(name);
    if (!isShard && !name.startsWith(`${temporaryPrefix}latents-`)) continue;
    const facts = await stat(path.join(folder, name)).catch(() => undefined);
    if (facts !== undefined && Date.now() - facts.mtimeMs > 60_000) found.push(name);
  }
  return found;
}

async function readPosterior(file: string, key: string): Promise<LatentPosterior> {
  const opened = await openSafetensors(file);
  try {
    const mean = await opened.read(`${key}.mean`);
    const logVariance = toFloat32(await opened.read(`${key}.logvar`));
    const [time, height, width, channels, ...rest] = mean.shape;
    if (
      time === undefined ||
      height === undefined ||
      width === undefined ||
      channels === undefined ||
      rest.length > 0
    ) {
      throw new CheckpointError(`${file} holds latents of shape [${mean.shape.join(", ")}]; they must be [T, H, W, C]`);
    }
    return { shape: [time, height, width, channels], mean: toFloat32(mean), logVariance };
  } catch (cause) {
    if (CheckpointError.isInstance(cause)) throw cause;
    throw new CheckpointError(`${file} cannot be read: ${(cause as Error).message}; run prune() and encode again`, {
      cause,
    });
  } finally {
    await opened.close();
  }
}
