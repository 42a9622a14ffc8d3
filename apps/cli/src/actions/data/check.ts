// Runs the doctor and says what it found.
import { ConfigError } from "@noisereel/core";
import { checkManifest, checkPage, type CheckReport, inspectManifest, parseBucket } from "@noisereel/data";
import { writeFileAtomically } from "@noisereel/core/node";
import type { CommandContext } from "../../context.js";
import { exitCodes, StoppedError } from "../../errors.js";
import { alignColumns, formatSeconds } from "../../format.js";
import { forgetParts, ownCount, type PartArguments, partsOf, tellShard } from "./parts.js";
import { withProgress } from "./progress.js";

export interface CheckArguments extends PartArguments {
  readonly frames?: number;
  readonly size?: number;
  readonly bucket?: readonly string[];
  readonly root?: string;
  readonly captionField?: string;
  readonly out?: string;
  readonly limit?: number;
  readonly strict?: true;
}

export async function check(manifest: string, options: CheckArguments, context: CommandContext): Promise<void> {
  const { out, limit = 20, strict, bucket, shard, merge, ...checks } = options;
  const { terminal } = context;
  const buckets = bucket?.map(parseBucket);
  if (out === undefined && (shard !== undefined || merge === true)) {
    throw new ConfigError("--out is missing; shards note what they found beside the report");
  }
  const parts = out === undefined ? undefined : partsOf(out, options);
  const { entries } = await inspectManifest(manifest, checks);
  const report = await withProgress(
    context,
    {
      title: "Opening clips",
      count: parts === undefined ? entries.length : ownCount(entries.length, parts),
      stopped: `Stopped; no report was written.${parts === undefined ? "" : " The same command goes on."}`,
    },
    (call) =>
      checkManifest(manifest, {
        ...checks,
        buckets,
        thumbnails: /\.html$/i.test(out ?? ""),
        shared: parts?.shared,
        ...call,
      }),
  );
  if (parts?.kind === "shard") return tellShard(parts, report.clips.length, context);
  const { counts, problems } = report;
  for (const { level, where, id, field, reason, remedy } of problems.slice(0, limit)) {
    const clip = id === undefined || id === where ? "" : ` (${id})`;
    terminal.print(`${level}: ${where}${clip}${field === undefined ? "" : `, field ${field}`}: ${reason}; ${remedy}`);
  }
  const hidden = problems.length - Math.min(limit, problems.length);
  if (hidden > 0)
    terminal.print(`and ${hidden} more; --limit ${problems.length} prints them, --out report.html shows them`);
  for (const line of summary(report)) terminal.print(line);
  if (out !== undefined) {
    await writeFileAtomically(
      out,
      /\.html$/i.test(out) ? checkPage(report) : `${JSON.stringify(withoutPictures(report), null, 2)}\n`,
    );
    await forgetParts(parts!);
    terminal.print(`report: ${out}`);
  }
  const failing = counts.error + (strict === true ? counts.warning : 0);
  if (failing > 0)
    throw new StoppedError(`${failing} ${failing === 1 ? "problem" : "problems"} to solve first.`, exitCodes.failure);
}

function summary({ counts, seconds, buckets }: CheckReport): string[] {
  const rows = [
    ["clips", `${counts.readable} of ${counts.clips} can be read, ${formatSeconds(seconds)} of video`],
    ["problems", `${counts.error} errors, ${counts.warning} warnings, ${counts.hint} hints`],
    ...(buckets?.counts ?? []).map(({ bucket, clips }) => [
      `${bucket.frames}x${bucket.height}x${bucket.width}`,
      `${clips} clips`,
    ]),
    ...(buckets === undefined ? [] : [["no bucket", `${buckets.dropped.length} clips`]]),
  ];
  return alignColumns(rows);
}

function withoutPictures(report: CheckReport): unknown {
  const clips = report.clips.map((clip) => ({
    ...clip,
    ...(clip.found === undefined ? {} : { found: { ...clip.found, thumbnail: undefined } }),
  }));
  return { ...report, clips };
}
