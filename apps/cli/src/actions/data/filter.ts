// Measures the clips of a manifest and writes it with columns.
import {
  frameMeasures,
  histogram,
  judgeEntries,
  type ManifestEntry,
  measureEntries,
  parseRequirement,
  readManifest,
  writeManifest,
} from "@noisereel/data";
import type { CommandContext } from "../../context.js";
import { alignColumns, formatNumber } from "../../format.js";
import { forgetParts, ownCount, type PartArguments, partsOf, tellShard } from "./parts.js";
import { withProgress } from "./progress.js";

export interface FilterArguments extends PartArguments {
  readonly out: string;
  readonly require?: readonly string[];
  readonly remeasure?: true;
  readonly distance?: number;
  readonly root?: string;
}

export async function filter(manifest: string, options: FilterArguments, context: CommandContext): Promise<void> {
  const { out, require: conditions = [], remeasure, distance, root } = options;
  const { terminal } = context;
  const requirements = conditions.map(parseRequirement); // a wrong one is told before anything is measured
  const { entries } = await readManifest(manifest, { root });
  const parts = partsOf(out, options);
  const measured = await withProgress(
    context,
    {
      title: "Measuring clips",
      count: ownCount(entries.length, parts),
      stopped: `Stopped; ${out} was not written. The same command goes on.`,
    },
    (call) =>
      measureEntries(entries, {
        existing: remeasure === true ? "replace" : "keep",
        duplicateDistance: distance,
        shared: parts.shared,
        ...call,
      }),
  );
  if (parts.kind === "shard") return tellShard(parts, measured.length, context);
  for (const line of columnTable(measured)) terminal.print(line);
  const judged = requirements.length === 0 ? undefined : judgeEntries(measured, requirements);
  await writeManifest(out, judged?.entries ?? measured);
  await forgetParts(parts);
  for (const { text, failed, unknown } of judged?.requirements ?? []) {
    terminal.print(
      `${text}: ${failed} of ${entries.length} fail${unknown > 0 ? `, nothing can be said of ${unknown}` : ""}`,
    );
  }
  const unreadable = measured.filter(({ columns }) => columns["unreadable"] !== undefined).length;
  if (unreadable > 0) terminal.print(`${unreadable} clips cannot be read; the column unreadable says why`);
  const twins = measured.filter(({ columns }) => columns["duplicate_of"] !== undefined).length;
  if (twins > 0) terminal.print(`${twins} clips repeat an earlier one; the column duplicate_of says which`);
  terminal.print(`${out}: ${judged === undefined ? "" : `${judged.kept} to keep of `}${entries.length} clips`);
}

/** One line for each column: bars of its distribution and its quantiles, what thresholds are chosen by. */
export function columnTable(entries: readonly ManifestEntry[]): string[] {
  const known = Object.values(frameMeasures).flatMap(({ columns }) => columns);
  const names = [...new Set([...known, ...entries.flatMap(({ columns }) => Object.keys(columns))])];
  const rows = names.flatMap((name) => {
    const found = histogram(
      entries.map(({ columns }) => columns[name]),
      { bins: 20 },
    );
    if (found === undefined) return [];
    const { minimum, maximum, quantiles } = found;
    return [
      [name, bars(found.counts), ...[minimum, quantiles.p05, quantiles.p50, quantiles.p95, maximum].map(formatNumber)],
    ];
  });
  return rows.length === 0
    ? []
    : alignColumns([["column", "distribution", "min", "5 %", "50 %", "95 %", "max"], ...rows], "");
}

const blocks = "▁▂▃▄▅▆▇█".split("");
function bars(counts: readonly number[]): string {
  const highest = Math.max(...counts);
  return counts
    .map((count) => (count === 0 ? " " : blocks[Math.ceil((count / highest) * blocks.length) - 1]!))
    .join("");
}
