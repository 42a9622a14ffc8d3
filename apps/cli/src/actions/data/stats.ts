// Numbers about a manifest.
import { ConfigError } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { captionLengths, captionStatistics, readManifest } from "@noisereel/data";
import { readFile } from "node:fs/promises";
import type { CommandContext } from "../../context.js";
import { alignColumns, shorten } from "../../format.js";
import { columnTable } from "./filter.js";
import { forgetParts, ownCount, type PartArguments, partsOf, tellShard } from "./parts.js";
import { withProgress } from "./progress.js";

export interface StatsArguments extends PartArguments {
  readonly tokenizer?: string;
  readonly lengths?: readonly number[];
  readonly json?: true;
  readonly out?: string;
}

export async function stats(manifest: string, options: StatsArguments, context: CommandContext): Promise<void> {
  const { tokenizer, lengths, json, out, shard, merge } = options;
  const { terminal } = context;
  if (out === undefined && (shard !== undefined || merge === true)) {
    throw new ConfigError("--out is missing; shards note what they counted beside it");
  }
  const parts = out === undefined ? undefined : partsOf(out, options);
  const { entries } = await readManifest(manifest);
  const countTokens = tokenizer === undefined ? undefined : await tokenCounter(tokenizer);
  const counted = await withProgress(
    context,
    {
      title: "Counting tokens",
      count: parts === undefined ? entries.length : ownCount(entries.length, parts),
      stopped: `Stopped.${parts === undefined ? "" : ` ${out} was not written. The same command goes on.`}`,
    },
    (call) => captionLengths(entries, { countTokens, tokenizer, shared: parts?.shared, ...call }),
  );
  if (parts?.kind === "shard") return tellShard(parts, counted.filter((item) => item !== undefined).length, context);
  const captions = captionStatistics(entries, { counted, lengths });
  const unit = tokenizer === undefined ? "words" : "tokens";
  const clips = {
    clips: entries.length,
    images: entries.filter(({ type }) => type === "image").length,
    ranges: entries.filter(({ start, end }) => start !== undefined || end !== undefined).length,
    captionSources: count(entries.flatMap(({ captionSources }) => captionSources)),
  };
  const facts = JSON.stringify({ manifest, unit, ...clips, captions }, null, 2);
  if (out !== undefined) {
    await writeFileAtomically(out, `${facts}\n`);
    await forgetParts(parts!);
  }
  if (json === true) {
    terminal.print(facts);
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
