// A list of work done by one process or by many, each item once: what is finished is noted, a second run goes on.
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { type CallOptions, ConfigError, type JsonValue } from "@noisereel/core";
import { limiter } from "../loader/limit.js";
import { openJournal, readJournals } from "./journal.js";
import { checkedShard, inShard, type Shard } from "./shard.js";

export interface SharedWork {
  /** Where results are noted: the same folder for all processes, on one machine or on a shared file system. */
  readonly folder: string;
  /** This process's share. Default: everything. Shares may be cut differently from run to run. */
  readonly shard?: Shard | undefined;
  /** `work` (default) does what is not finished; `collect` only gathers, and throws when something is missing. */
  readonly mode?: "work" | "collect" | undefined;
}

export interface WorkOptions<Item, Result> extends CallOptions {
  readonly items: readonly Item[];
  /** Equal for equal work only: `workKey` of the item, its file and everything that changes the result. */
  readonly keyOf: (item: Item) => Promise<string>;
  readonly work: (item: Item) => Promise<Result>;
  /** Default: nothing is noted. */
  readonly shared?: SharedWork | undefined;
  /** Items at the same time. */
  readonly concurrency: number;
}

/** The results in the order of the items; undefined for those of other shards. The first failure ends it. */
export async function doWork<Item, Result extends JsonValue>(
  options: WorkOptions<Item, Result>,
): Promise<(Result | undefined)[]> {
  const { items, keyOf, work, shared, concurrency, signal, onProgress } = options;
  const shard = checkedShard(shared?.shard ?? { rank: 0, size: 1 });
  const collects = shared?.mode === "collect";
  const mine = items.flatMap((item, index) => (collects || inShard(index, shard) ? [{ item, index }] : []));
  const limited = limiter(concurrency);
  const keys = shared === undefined ? [] : await Promise.all(mine.map(({ item }) => limited(() => keyOf(item))));
  const known = shared === undefined ? new Map<string, JsonValue>() : await readJournals(shared.folder, new Set(keys));
  const results: (Result | undefined)[] = items.map(() => undefined);
  if (collects) requireAll(shared.folder, keys, known);
  const journal = shared === undefined ? undefined : openJournal(shared.folder, `${shard.rank}-of-${shard.size}`);
  let done = 0;
  try {
    const settled = await Promise.allSettled(
      mine.map(({ item, index }, place) =>
        limited(async () => {
          signal?.throwIfAborted();
          const key = keys[place] ?? "";
          const before = known.get(key) as Result | undefined;
          const result = before ?? (await work(item));
          if (before === undefined) await journal?.add(key, result);
          results[index] = result;
          onProgress?.({ type: "clip", index: ++done, count: mine.length });
        }),
      ),
    );
    const failed = settled.find((item) => item.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } finally {
    await journal?.close();
  }
  return results;
}

function requireAll(folder: string, keys: readonly string[], known: ReadonlyMap<string, JsonValue>): void {
  const missing = keys.flatMap((key, index) => (known.has(key) ? [] : [index + 1]));
  if (missing.length === 0) return;
  const named = missing.slice(0, 5).join(", ") + (missing.length > 5 ? ", …" : "");
  throw new ConfigError(
    `${missing.length} of ${keys.length} are not finished in ${folder} (numbers ${named}); run the shards again, finished work is not repeated`,
  );
}

/** A key out of what is asked for and the file's size and time of change, so that changed files are worked on again. */
export async function workKey(file: string, request: JsonValue): Promise<string> {
  const found = await stat(file).catch(() => undefined); // a missing file is a result as well
  const state = found === undefined ? null : [found.size, Math.round(found.mtimeMs)];
  return createHash("sha256")
    .update(JSON.stringify([file, state, request]))
    .digest("hex");
}
