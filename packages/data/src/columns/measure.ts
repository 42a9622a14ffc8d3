// The measures of every clip of a manifest, as columns of it.
import { type CallOptions, type Clip, ClipError, ConfigError, type JsonValue } from "@noisereel/core";
import { createClip } from "../clip.js";
import type { FfmpegOptions } from "../ffmpeg/binary.js";
import type { ManifestEntry } from "../manifest/schema.js";
import { doWork, type SharedWork, workKey } from "../scale/shared-work.js";
import type { VideoFrame } from "../video/frame.js";
import { analysisFrame, analysisWidth, entryFrames } from "./analysis.js";
import { borderMeasure } from "./border.js";
import type { ClipScorer, Columns, FrameMeasure } from "./contracts.js";
import { exposureMeasure, sharpnessMeasure } from "./exposure.js";
import { motionMeasure } from "./motion.js";
import { overlayMeasure } from "./overlay.js";
import { findDuplicates, hashMeasure } from "./perceptual-hash.js";

/** Every measure that needs no model. */
export const frameMeasures: Readonly<Record<string, FrameMeasure>> = {
  motion: motionMeasure,
  exposure: exposureMeasure,
  sharpness: sharpnessMeasure,
  border: borderMeasure,
  overlay: overlayMeasure,
  hash: hashMeasure,
};

export interface MeasureOptions extends CallOptions, FfmpegOptions {
  /** Default: all of `frameMeasures`. */
  readonly measures?: readonly FrameMeasure[] | undefined;
  /** Models that score a few frames and the caption. Default: none. */
  readonly scorers?: readonly ClipScorer[] | undefined;
  /** Clips whose columns are all there: `keep` them (default), so that a run can be continued, or `replace` them. */
  readonly existing?: "keep" | "replace" | undefined;
  /** Clips that are decoded at the same time. Default 2. */
  readonly concurrency?: number | undefined;
  /** Bits in which hashes of duplicates may differ, 0 to 47 of 192. Default 10. */
  readonly duplicateDistance?: number | undefined;
  /**
   * Notes what is finished, so that a run can go on, and shares the work with other processes. With a shard, only its entries
   * come back, and duplicates are found among them only; `mode: "collect"` finds those of all.
   */
  readonly shared?: SharedWork | undefined;
}

/**
 * The entries with columns of what was measured; `duplicate_of` names the first clip that shows the same. A clip that cannot
 * be read gets the column `unreadable` with the reason. No entry is left out.
 */
export async function measureEntries(
  entries: readonly ManifestEntry[],
  options: MeasureOptions = {},
): Promise<ManifestEntry[]> {
  const { measures = Object.values(frameMeasures), scorers = [], existing = "keep", concurrency = 2 } = options;
  const { duplicateDistance, shared, signal, onProgress } = options;
  const names = [...measures, ...scorers].flatMap(({ columns }) => columns);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(`the column ${twice} is given by two measures; leave one of them out`);
  const toMeasure = (entry: ManifestEntry): boolean =>
    existing === "replace" || !names.every((name) => name in entry.columns);
  const results = await doWork<ManifestEntry, Columns>({
    items: entries,
    keyOf: (entry) =>
      workKey(entry.path, [
        "columns",
        toMeasure(entry),
        names,
        { ...entry, columns: {}, line: 0 } as unknown as JsonValue,
      ]),
    work: async (entry) => (toMeasure(entry) ? measureEntry(entry, options) : {}),
    shared,
    concurrency,
    signal,
    onProgress,
  });
  const measured = entries.flatMap((entry, index) => {
    const found = results[index];
    if (found === undefined) return [];
    const { unreadable: _, ...columns } = entry.columns;
    return [toMeasure(entry) ? { ...entry, columns: { ...columns, ...found } } : entry];
  });
  return measures.includes(hashMeasure) ? withDuplicates(measured, duplicateDistance) : measured;
}

function withDuplicates(entries: readonly ManifestEntry[], distance: number | undefined): ManifestEntry[] {
  const hashes = entries.map(({ columns }) => columns["dhash"] as string | undefined);
  const twins = findDuplicates(hashes, distance === undefined ? {} : { distance });
  return entries.map((entry, index) => {
    const twin = twins[index];
    const { duplicate_of: _, ...columns } = entry.columns;
    return { ...entry, columns: twin === undefined ? columns : { ...columns, duplicate_of: entries[twin]!.id } };
  });
}

async function measureEntry(entry: ManifestEntry, options: MeasureOptions): Promise<Columns> {
  const { measures = Object.values(frameMeasures), scorers = [], ffmpeg, signal } = options;
  try {
    const running = measures.map((measure) => measure.begin());
    for await (const frame of entryFrames(entry, { decodeWidth: analysisWidth, ffmpeg, signal })) {
      const small = analysisFrame(frame);
      for (const measure of running) measure.add(small);
    }
    const columns: Record<string, Columns[string]> = {};
    for (const measure of running)
      for (const [name, value] of Object.entries(measure.end())) columns[name] = rounded(value);
    for (const scorer of scorers) {
      const clip = await scorerClip(entry, scorer.frames, { ffmpeg, signal });
      Object.assign(columns, await scorer.score(clip, { signal }));
    }
    return columns;
  } catch (error) {
    if (!ClipError.isInstance(error)) throw error;
    return { unreadable: (error as ClipError).message };
  }
}

/** Six digits: enough to compare, and the same file on every machine. */
const rounded = (value: Columns[string]): Columns[string] =>
  typeof value === "number" ? Number(value.toPrecision(6)) : value;

/** `count` frames of an entry, evenly spaced, in their own size. */
async function scorerClip(
  entry: ManifestEntry,
  count: number,
  options: { ffmpeg: string | undefined; signal: AbortSignal | undefined },
): Promise<Clip> {
  const frames = await sampledFrames(entryFrames(entry, options), count);
  const [first] = frames;
  if (first === undefined) throw new ClipError(`${entry.path} has no frames`, { id: entry.id, path: entry.path });
  const pixels = new Uint8Array(frames.length * first.pixels.length);
  frames.forEach((frame, i) => pixels.set(frame.pixels, i * first.pixels.length));
  const { height, width, fps } = first;
  return createClip(pixels, { id: entry.id, caption: entry.captions[0], height, width, fps });
}

/** About evenly spaced frames of a stream of unknown length: whenever there are too many, every second one is let go. */
export async function sampledFrames(frames: AsyncIterable<VideoFrame>, count: number): Promise<VideoFrame[]> {
  if (!Number.isInteger(count) || count < 1) throw new ConfigError(`frames is ${count}; use a positive integer`);
  let kept: VideoFrame[] = [];
  let step = 1;
  for await (const frame of frames) {
    if (frame.index % step !== 0) continue;
    kept.push(frame);
    if (kept.length < 4 * count) continue;
    kept = kept.filter((_, i) => i % 2 === 0);
    step *= 2;
  }
  if (kept.length <= count) return kept;
  if (count === 1) return [kept[kept.length >> 1]!];
  return Array.from({ length: count }, (_, i) => kept[Math.round((i * (kept.length - 1)) / (count - 1))]!);
}
