// Manifests to files.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { replaceFile } from "../files.js";
import { entryRecord } from "./record.js";
import type { ManifestEntry } from "./schema.js";
import { parquetBytes, tableText } from "./table.js";

export interface WriteManifestOptions {
  /** Paths below this folder are written relative to it. Default: the folder of the manifest. */
  readonly root?: string | undefined;
}

type Records = readonly Readonly<Record<string, unknown>>[];

const encoders: Readonly<Record<string, (records: Records) => string | Uint8Array>> = {
  ".jsonl": (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(""),
  ".json": (records) => `[\n${records.map((record) => `  ${JSON.stringify(record)}`).join(",\n")}\n]\n`,
  ".csv": (records) => tableText(records, ","),
  ".tsv": (records) => tableText(records, "\t"),
  ".parquet": parquetBytes,
};

/**
 * Writes a manifest as .jsonl, .json, .csv, .tsv or .parquet, by the ending of `file`. The file is whole or absent. Entries of
 * tar shards are refused, because only a shard says where its clips begin.
 */
export async function writeManifest(
  file: string,
  entries: readonly ManifestEntry[],
  options: WriteManifestOptions = {},
): Promise<void> {
  const ending = path.extname(file).toLowerCase();
  const encode = encoders[ending];
  if (encode === undefined) {
    throw new ConfigError(`${file} ends in "${ending}"; manifests are written as ${Object.keys(encoders).join(", ")}`);
  }
  if (entries.length === 0) throw new ConfigError(`entries is empty; a manifest needs at least one clip`);
  const inShard = entries.find(({ part }) => part !== undefined);
  if (inShard !== undefined) {
    throw new ConfigError(`${inShard.id} lies in the shard ${inShard.path}; use writeShards, which keeps columns too`);
  }
  const root = options.root ?? path.dirname(file);
  const content = encode(entries.map((entry) => entryRecord(entry, { root })));
  await replaceFile(file, (temporary) => writeFile(temporary, content));
}
