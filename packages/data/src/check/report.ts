// What a check of a manifest found, as plain data.
import type { Bucket } from "../buckets/bucket.js";

export interface CheckProblem {
  /** `error`: the clip cannot be used as it is stated. `warning`: it can, but not as you may think. `hint`: good to know. */
  readonly level: "error" | "warning" | "hint";
  /** `line 3`, or the name of a file. */
  readonly where: string;
  readonly line: number;
  readonly id: string | undefined;
  readonly field: string | undefined;
  readonly reason: string;
  readonly remedy: string;
}

export interface CheckedClip {
  readonly id: string;
  readonly path: string;
  readonly line: number;
  readonly type: "video" | "image";
  readonly caption: string | undefined;
  /** Undefined when the clip cannot be read. */
  readonly found:
    | {
        readonly frames: number;
        readonly height: number;
        readonly width: number;
        readonly fps: number;
        readonly seconds: number;
        /** First, middle and last frame side by side, a JPEG of 96 rows; absent when thumbnails were not asked for. */
        readonly thumbnail: Uint8Array | undefined;
      }
    | undefined;
}

export interface CheckReport {
  readonly manifest: string;
  readonly clips: readonly CheckedClip[];
  readonly problems: readonly CheckProblem[];
  readonly counts: { readonly clips: number; readonly readable: number } & Readonly<
    Record<CheckProblem["level"], number>
  >;
  /** Seconds of all readable videos. */
  readonly seconds: number;
  /** Clips of each bucket and those that fit none; undefined when no bucket was asked for. */
  readonly buckets:
    | {
        readonly counts: readonly { readonly bucket: Bucket; readonly clips: number }[];
        readonly dropped: readonly { readonly id: string; readonly reason: string }[];
      }
    | undefined;
}
