// One entry of a manifest as it is written in a file, and as the library uses it.
import { z } from "zod";
import type { FilePart } from "../files.js";

const positive = z.number().positive();
const count = z.int().positive();

/** Keys that have a meaning. Others are kept in `columns`. */
export const entrySchema = z.looseObject({
  path: z.string().min(1, "is empty; give the path of a video or image"),
  cap: z.union([z.string(), z.array(z.string())]).optional(),
  /** Who wrote the caption: one name for all, or one for each. */
  cap_source: z.union([z.string(), z.array(z.string())]).optional(),
  id: z.string().min(1).optional(),
  type: z.enum(["video", "image"]).optional(),
  num_frames: count.optional(),
  fps: positive.optional(),
  width: count.optional(),
  height: count.optional(),
  duration: positive.optional(),
  /** First frame, from 0. */
  start: z.int().nonnegative().optional(),
  /** First frame that does not belong to the clip any more. */
  end: count.optional(),
  /** The same as `start` and `end`, as text `"start:end"`. */
  frame_idx: z
    .string()
    .regex(/^\d+:\d+$/, 'must be "start:end" in frames')
    .optional(),
  resolution: z.looseObject({ height: count, width: count }).optional(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, "must be 64 hexadecimal digits in lower case")
    .optional(),
  tags: z.array(z.string()).optional(),
});

/** What each key must hold, in words: the remedy for an entry that does not fit. */
export const fieldHelp: Readonly<Record<string, string>> = {
  path: "give the path of a video or image as text",
  cap: "give one caption as text, or a list of them",
  cap_source: "name who wrote the caption, or give one name for each",
  id: "give text that no other entry has, or leave id out",
  type: 'use "video" or "image", or leave type out',
  num_frames: "give the number of frames, a positive integer",
  fps: "give the frames a second, a positive number",
  width: "give the pixels of a row, a positive integer",
  height: "give the rows of pixels, a positive integer",
  duration: "give seconds, a positive number",
  start: "give the first frame, an integer from 0",
  end: "give the frame after the last, an integer larger than start",
  frame_idx: 'give the range of frames as text, for example "0:64"',
  resolution: 'give { "height": …, "width": … } in pixels',
  sha256: "give 64 hexadecimal digits in lower case, or leave sha256 out",
  tags: "give a list of texts",
};

/** One clip of a manifest. */
export interface ManifestEntry {
  /** Unique in the manifest: the entry's `id`, else its path, with the range when there is one. */
  readonly id: string;
  /** Path that can be opened: `root` is joined. */
  readonly path: string;
  /** The file lies inside `path`, a tar shard, under the name that `id` begins with. */
  readonly part: FilePart | undefined;
  readonly captions: readonly string[];
  /** Who wrote each caption; as long as `captions`, or empty when the manifest does not say. */
  readonly captionSources: readonly string[];
  readonly type: "video" | "image";
  /** Frame range in the file; `end` is exclusive. */
  readonly start: number | undefined;
  readonly end: number | undefined;
  /** What the manifest states about the clip; nothing here was measured. */
  readonly stated: {
    readonly frames: number | undefined;
    readonly fps: number | undefined;
    readonly width: number | undefined;
    readonly height: number | undefined;
    readonly seconds: number | undefined;
    readonly sha256: string | undefined;
  };
  readonly tags: readonly string[];
  /** Keys of the file that the library gives no meaning. */
  readonly columns: Readonly<Record<string, unknown>>;
  /** Line of the manifest where the entry begins, from 1; the row of a parquet file; 0 for a file of a folder. */
  readonly line: number;
  /** The entry's file name when that is not the end of `path`: the member of a tar shard. */
  readonly member: string | undefined;
}

/** Names that people use for `cap`. */
export const captionLookalikes = ["caption", "captions", "text", "prompt"] as const;

const known: ReadonlySet<string> = new Set(Object.keys(entrySchema.shape));

/** The entry's keys without a meaning. */
export function otherColumns(entry: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !known.has(key)));
}

export const imageEndings: readonly string[] = [".png", ".jpg", ".jpeg", ".webp", ".tiff", ".avif"];
export const videoEndings: readonly string[] = [
  ".mp4",
  ".mov",
  ".webm",
  ".mkv",
  ".avi",
  ".gif",
  ".ogv",
  ".mpg",
  ".mpeg",
  ".m4v",
];
