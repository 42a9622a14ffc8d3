// WebDataset shards: tar files whose members of one name before the first dot belong together, `0001.mp4`, `0001.txt`,
// `0001.json`. Clips are decoded from where they lie in the shard; nothing is unpacked.
import { createReadStream, createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { type CallOptions, ConfigError } from "@noisereel/core";
import tar from "tar-stream";
import { type FilePart, readPart, replaceFile } from "../files.js";
import type { LineReport, RawEntry } from "./parse.js";
import { entryRecord } from "./record.js";
import { imageEndings, type ManifestEntry, videoEndings } from "./schema.js";

/** Texts beside clips are small; a larger one is not read. */
const largestText = 1_000_000;

interface Sample {
  media?: { readonly name: string; readonly part: FilePart };
  text?: string;
  json?: unknown;
}

/** The samples of one shard in their order; `line` is the sample's number, from 1. */
export async function readShard(file: string, report: LineReport): Promise<RawEntry[]> {
  const samples = new Map<string, Sample>();
  const extract = tar.extract();
  const reading = pipeline(createReadStream(file), extract).catch((cause: Error) => cause);
  try {
    for await (const entry of extract) {
      const { name, size, type } = entry.header;
      const { byteOffset } = entry.header as unknown as { readonly byteOffset: number };
      const { key, ending } = memberName(name);
      if (type === "file" && ending !== undefined) {
        const sample = samples.get(key) ?? {};
        samples.set(key, sample);
        const isMedia = videoEndings.includes(ending) || imageEndings.includes(ending);
        if (isMedia && sample.media === undefined) sample.media = { name, part: { offset: byteOffset, bytes: size } };
        else if ((ending === ".txt" || ending === ".json") && size <= largestText) {
          const text = await collect(entry as AsyncIterable<Uint8Array>);
          const line = [...samples.keys()].indexOf(key) + 1;
          if (ending === ".txt") sample.text = text.trim();
          else
            sample.json = parseJson(text, () =>
              report({ line, reason: `${name} is not JSON`, remedy: "write the shard again" }),
            );
        }
      }
      entry.resume();
    }
  } catch (cause) {
    report({
      line: samples.size + 1,
      reason: `the shard breaks off (${(cause as Error).message})`,
      remedy: "get the shard again",
    });
  }
  const failed = await reading;
  if (failed instanceof Error && samples.size === 0) {
    report({ line: 1, reason: `not a tar file (${failed.message})`, remedy: "give a .tar without compression" });
  }
  return [...samples].flatMap(([key, { media, text, json }], index): RawEntry[] => {
    if (media === undefined) {
      report({ line: index + 1, reason: `the sample ${key} has no video or image`, remedy: "write the shard again" });
      return [];
    }
    const fields =
      typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Record<string, unknown>) : {};
    const caption = text === undefined || "cap" in fields ? {} : { cap: text };
    const value = { ...caption, ...fields, path: media.name };
    return [{ line: index + 1, value, within: { shard: file, part: media.part } }];
  });
}

/** `a/b.c/0001.cap.txt` is the sample `a/b.c/0001` and the ending `.txt`. */
function memberName(name: string): { readonly key: string; readonly ending: string | undefined } {
  const base = path.posix.basename(name);
  const dot = base.indexOf(".");
  if (dot <= 0) return { key: name, ending: undefined };
  return { key: name.slice(0, name.length - base.length + dot), ending: path.posix.extname(base).toLowerCase() };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString("utf8");
}

function parseJson(text: string, failed: () => void): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    failed();
    return undefined;
  }
}

export interface WriteShardsOptions extends CallOptions {
  /** Folder of the shards. */
  readonly folder: string;
  /** Names are `<prefix>-000000.tar`, … Default `clips`. */
  readonly prefix?: string | undefined;
  /** Clips in one shard. Default 1000. */
  readonly clipsPerShard?: number | undefined;
}

/**
 * Packs the files of entries, as they are, into shards of `clipsPerShard`, each with its captions as `.txt` and everything
 * else as `.json`. A shard appears when it is whole. Ranges of longer videos are refused: write them as files first.
 * Returns the paths of the shards.
 */
export async function writeShards(entries: readonly ManifestEntry[], options: WriteShardsOptions): Promise<string[]> {
  const { folder, prefix = "clips", clipsPerShard = 1000, signal, onProgress } = options;
  if (!Number.isInteger(clipsPerShard) || clipsPerShard < 1) {
    throw new ConfigError(`clipsPerShard is ${clipsPerShard}; use a positive integer`);
  }
  const ranged = entries.find(({ start, end }) => start !== undefined || end !== undefined);
  if (ranged !== undefined) {
    throw new ConfigError(
      `${ranged.id} is a range of ${ranged.path}; shards hold whole files: write the ranges as files first (cutEntries)`,
    );
  }
  const written: string[] = [];
  for (let first = 0; first < entries.length; first += clipsPerShard) {
    const name = `${prefix}-${String(written.length).padStart(6, "0")}.tar`;
    const target = path.join(folder, name);
    await replaceFile(target, async (temporary) => {
      const pack = tar.pack();
      const writing = pipeline(pack, createWriteStream(temporary));
      writing.catch(() => undefined); // awaited below
      for (const [position, entry] of entries.slice(first, first + clipsPerShard).entries()) {
        signal?.throwIfAborted();
        await addSample(pack, entry, String(first + position).padStart(9, "0"));
        onProgress?.({ type: "clip", index: first + position + 1, count: entries.length });
      }
      pack.finalize();
      await writing;
    });
    written.push(target);
  }
  return written;
}

async function addSample(pack: tar.Pack, entry: ManifestEntry, key: string): Promise<void> {
  const { path: _, cap, ...fields } = entryRecord(entry, {});
  const ending = path.extname(entry.member ?? entry.path).toLowerCase();
  const bytes = entry.part === undefined ? await readFile(entry.path) : await readPart(entry.path, entry.part);
  const header = { mtime: new Date(0) }; // the same clips give the same bytes
  pack.entry({ ...header, name: `${key}${ending}` }, Buffer.from(bytes));
  const [only] = entry.captions;
  if (entry.captions.length === 1 && only !== undefined) pack.entry({ ...header, name: `${key}.txt` }, only);
  const json = { ...fields, id: entry.id, ...(entry.captions.length > 1 ? { cap } : {}) };
  pack.entry({ ...header, name: `${key}.json` }, JSON.stringify(json));
}
