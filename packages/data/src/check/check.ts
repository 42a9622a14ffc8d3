// The doctor of data sets: every file opened, each problem with its line, its reason and what to do about it.
import type { JsonValue } from "@noisereel/core";
import { type Bucket, bucketName, chooseBucket } from "../buckets/bucket.js";
import { inspectManifest, type ReadManifestOptions } from "../manifest/inspect.js";
import type { ManifestEntry } from "../manifest/schema.js";
import { doWork, type SharedWork, workKey } from "../scale/shared-work.js";
import { checkEntry, type EntryCheckOptions } from "./check-entry.js";
import { type NotedCheck, noteCheck, readCheck } from "./noted-check.js";
import type { CheckedClip, CheckProblem, CheckReport } from "./report.js";

export interface CheckOptions extends EntryCheckOptions, Pick<ReadManifestOptions, "root" | "captionField"> {
  /** Shapes of training: the report counts their clips. Default: none. */
  readonly buckets?: readonly Bucket[] | undefined;
  /** Clips that are decoded at the same time. Default 2. */
  readonly concurrency?: number | undefined;
  /** Notes what was checked, so that a check can go on, and shares the work. With a shard the report is about its entries. */
  readonly shared?: SharedWork | undefined;
}

/** Checks a manifest of any format. Throws only when there is no manifest, or on an abort. */
export async function checkManifest(file: string, options: CheckOptions = {}): Promise<CheckReport> {
  const { buckets, concurrency = 2, root, captionField, shared, signal, onProgress } = options;
  const { entries, problems: told } = await inspectManifest(file, { root, captionField });
  const problems: CheckProblem[] = told.map(({ where, line, path: id, field, reason, remedy }) => ({
    level: "error",
    where,
    line,
    id,
    field,
    reason,
    remedy,
  }));
  if (entries.length === 0 && problems.length === 0) {
    const reason = "the manifest holds no clips";
    problems.push({
      level: "error",
      where: file,
      line: 0,
      id: undefined,
      field: undefined,
      reason,
      remedy: "check the path",
    });
  }
  const { frames, size, timeStride, maxCaption, thumbnails } = options;
  const asked = { frames, size, timeStride, maxCaption, thumbnails };
  const results = await doWork<ManifestEntry, NotedCheck>({
    items: entries,
    keyOf: (entry) => workKey(entry.path, ["check", asked, { ...entry, columns: {} }] as unknown as JsonValue),
    work: async (entry) => noteCheck(await checkEntry(entry, options)),
    shared,
    concurrency,
    signal,
    onProgress,
  });
  const checked = results.flatMap((result) => (result === undefined ? [] : [readCheck(result)]));
  problems.push(...checked.flatMap((item) => item.problems), ...twins(entries));
  const clips = checked.map(({ clip }) => clip);
  const count = (level: CheckProblem["level"]): number => problems.filter((problem) => problem.level === level).length;
  return {
    manifest: file,
    clips,
    problems: problems.toSorted((a, b) => severity[a.level] - severity[b.level] || a.line - b.line),
    counts: {
      clips: clips.length,
      readable: clips.filter(({ found }) => found !== undefined).length,
      error: count("error"),
      warning: count("warning"),
      hint: count("hint"),
    },
    seconds: clips.reduce((sum, { found }) => sum + (found?.seconds ?? 0), 0),
    buckets: buckets === undefined ? undefined : countBuckets(clips, buckets),
  };
}

const severity = { error: 0, warning: 1, hint: 2 } as const;

/** Entries that name the same range of the same file. */
function twins(entries: Awaited<ReturnType<typeof inspectManifest>>["entries"]): CheckProblem[] {
  const first = new Map<string, string>();
  return entries.flatMap(({ id, path: file, part, start, end, line }): CheckProblem[] => {
    const key = JSON.stringify([file, part?.offset, start ?? 0, end]);
    const before = first.get(key);
    if (before === undefined) {
      first.set(key, line === 0 ? id : `line ${line}`);
      return [];
    }
    const reason = `the same clip is listed at ${before}`;
    const remedy = "leave one of them out, or give a source a weight";
    return [{ level: "warning", where: `line ${line}`, line, id, field: "path", reason, remedy }];
  });
}

function countBuckets(clips: readonly CheckedClip[], buckets: readonly Bucket[]): NonNullable<CheckReport["buckets"]> {
  const counts = new Map(buckets.map((bucket) => [bucketName(bucket), 0]));
  const dropped: { id: string; reason: string }[] = [];
  for (const { id, found } of clips) {
    if (found === undefined) {
      dropped.push({ id, reason: "it cannot be read" });
      continue;
    }
    const { bucket, reason } = chooseBucket(found, buckets);
    if (bucket === undefined) dropped.push({ id, reason: reason! });
    else counts.set(bucketName(bucket), counts.get(bucketName(bucket))! + 1);
  }
  return {
    counts: buckets.map((bucket) => ({ bucket, clips: counts.get(bucketName(bucket))! })),
    dropped,
  };
}
