// Numbers about a manifest.
import { ConfigError } from "@noisereel/core";
import { captionStatistics, readManifest } from "@noisereel/data";
import { readFile } from "node:fs/promises";
import type { CommandContext } from "../../context.js";
import { alignColumns, shorten } from "../../format.js";
import { columnTable } from "./filter.js";

export interface StatsArguments {
  readonly tokenizer?: string;
  readonly lengths?: readonly number[];
  readonly json?: true;
}

export async function stats(manifest: string, options: StatsArguments, context: CommandContext): Promise<void> {
  const { tokenizer, lengths, json } = options;
  const { terminal } = context;
  const { entries } = await readManifest(manifest);
  const countTokens = tokenizer === undefined ? undefined : await tokenCounter(tokenizer);
  const captions = captionStatistics(entries, { countTokens, lengths });
  const unit = tokenizer === undefined ? "words" : "tokens";
  const clips = {
    clips: entries.length,
    images: entries.filter(({ type }) => type === "image").length,
    ranges: entries.filter(({ start, end }) => start !== undefined || end !== undefined).length,
    captionSources: count(entries.flatMap(({ captionSources }) => captionSources)),
  };
  if (json === true) {
    terminal.print(JSON.stringify({ manifest, unit, ...clips, captions }, null, 2));
    return;
  }
  const sources = Object.entries(clips.captionSources).map(([name, number]) => `${name} ${number}`);
  const rows = [
    ["clips", `${clips.clips}, of them ${clips.images} images, ${clips.ranges} ranges of longer videos`],
    ["captions", `${captions.captions}, ${captions.uncaptioned} clips have none, ${captions.repeated} are repeated`],
    ...(sources.length === 0 ? [] : [["written by", sources.join(", ")]]),
    [unit, `mean ${captions.mean.toFixed(2)}, max ${captions.max}, standard deviation ${captions.std.toFixed(2)}`],
    ...captions.coverage.map(({ tokens, share }) => [`≤ ${tokens} ${unit}`, `${(100 * share).toFixed(1)} %`]),
    ...(captions.longest === undefined ? [] : [["longest", shorten(captions.longest, 100)]]),
  ];
  for (const line of [...alignColumns(rows, ""), ...columnTable(entries)]) terminal.print(line);
}

async function tokenCounter(file: string): Promise<(text: string) => number> {
  const { unigramTokenizer } = await import("@noisereel/text-encoder");
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new ConfigError(`--tokenizer ${file} cannot be read; give a tokenizer.json or a spiece.model`, { cause });
  });
  const isJson = file.toLowerCase().endsWith(".json");
  const tokenizer = unigramTokenizer(
    isJson ? { json: JSON.parse(bytes.toString("utf8")) as unknown } : { model: new Uint8Array(bytes) },
  );
  return (text) => tokenizer.pieces(text).length + 1; // and the end
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
