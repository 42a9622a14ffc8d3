// Clips as rows of their frames, drawn by one process or by many.
import type { CallOptions, Clip, JsonValue } from "@noisereel/core";
import sharp from "sharp";
import { createClip } from "./clip.js";
import { contactSheet } from "./collage.js";
import type { FfmpegOptions } from "./ffmpeg/binary.js";
import { readEntry } from "./manifest/read-entry.js";
import type { ManifestEntry } from "./manifest/schema.js";
import { doWork, type SharedWork, workKey } from "./scale/shared-work.js";
import { encodePng } from "./video/image.js";

export interface ClipRowsOptions extends CallOptions, FfmpegOptions {
  /** Frames of each clip that are drawn, evenly spaced. */
  readonly frames: number;
  /** Pixels. */
  readonly height: number;
  /** Notes what was drawn, so that drawing can go on, and shares the work. Default: nothing is noted. */
  readonly shared?: SharedWork | undefined;
}

/** What was drawn of a clip. */
export interface ClipRow {
  /** Frames, rows and columns of the clip itself. */
  readonly size: { readonly frames: number; readonly height: number; readonly width: number };
  /** One frame: the row. */
  readonly picture: Clip;
}

/** A row for each entry; undefined for those of other shards. Throws a `ClipError` for a clip that cannot be read. */
export async function clipRows(
  entries: readonly ManifestEntry[],
  options: ClipRowsOptions,
): Promise<(ClipRow | undefined)[]> {
  const { frames, height, shared, ffmpeg, signal, onProgress } = options;
  const noted = await doWork<ManifestEntry, NotedRow>({
    items: entries,
    keyOf: (entry) => workKey(entry.path, ["row", frames, height, { ...entry, columns: {} }] as unknown as JsonValue),
    async work(entry) {
      const clip = await readEntry(entry, { id: entry.id, ffmpeg, signal });
      const row = await contactSheet(clip, { count: frames, height });
      const size = { frames: clip.frames, height: clip.height, width: clip.width };
      return { size, picture: Buffer.from(await encodePng(row)).toString("base64") };
    },
    shared,
    concurrency: 2,
    signal,
    onProgress,
  });
  const rows: (ClipRow | undefined)[] = [];
  for (const [i, row] of noted.entries()) rows.push(row === undefined ? undefined : await readRow(row, entries[i]!.id));
  return rows;
}

type NotedRow = {
  readonly size: { readonly frames: number; readonly height: number; readonly width: number };
  readonly picture: string;
};

async function readRow({ size, picture }: NotedRow, id: string): Promise<ClipRow> {
  const { data, info } = await sharp(Buffer.from(picture, "base64")).raw().toBuffer({ resolveWithObject: true });
  return { size, picture: createClip(new Uint8Array(data), { id, height: info.height, width: info.width, fps: 1 }) };
}
