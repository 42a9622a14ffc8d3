// One entry of a manifest as it is written in a file, and as the library uses it.
import { z } from "zod";

const positive = z.number().positive();
const count = z.int().positive();

/** Keys that have a meaning. Others are kept in `columns`. */
export const entrySchema = z.looseObject({
  path: z.string().min(1, "is empty; give the path of a video or image"),
  cap: z.union([z.string(), z.array(z.string())]).optional(),
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

/** One clip of a manifest. */
export interface ManifestEntry {
  /** Unique in the manifest: the entry's `id`, else its path, with the range when there is one. */
  readonly id: string;
  /** Path that can be opened: `root` is joined. */
  readonly path: string;
  readonly captions: readonly string[];
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
    readonly sha256: string | undefined;
  };
  readonly tags: readonly string[];
  /** Keys of the file that the library gives no meaning. */
  readonly columns: Readonly<Record<string, unknown>>;
  /** Line of the manifest where the entry begins, from 1; 0 for a file of a folder. */
  readonly line: number;
}

/** Names that people use for `cap`. */
export const captionLookalikes = ["caption", "captions", "text", "prompt"] as const;

const known: ReadonlySet<string> = new Set(Object.keys(entrySchema.shape));

/** The entry's keys without a meaning. */
export function otherColumns(entry: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !known.has(key)));
}
