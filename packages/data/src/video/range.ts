// Which frames of a video are asked for: by number or by time stamp.
import { ConfigError } from "@noisereel/core";
import type { VideoFramesOptions } from "./frames.js";

/** Frame numbers from 0, `end` not included; or seconds from the start of the file, `end` not included. */
export interface VideoRange {
  readonly unit: "frames" | "seconds";
  readonly start: number;
  readonly end: number | undefined;
}

/** The range that the options ask for. Throws a `ConfigError` when they contradict each other or are out of range. */
export function videoRange(options: VideoFramesOptions): VideoRange {
  const { start = 0, only, startSeconds, endSeconds } = options;
  if (startSeconds !== undefined || endSeconds !== undefined) return secondsRange(options);
  const end = only === undefined ? options.end : start + lastOf(only, options) + 1;
  if (!Number.isInteger(start) || start < 0) throw new ConfigError(`start is ${start}; use a frame number, 0 or more`);
  if (end !== undefined && (!Number.isInteger(end) || end <= start)) {
    throw new ConfigError(`end is ${end}; use a frame number larger than start (${start})`);
  }
  return { unit: "frames", start, end };
}

function secondsRange({ start, end, only, startSeconds = 0, endSeconds }: VideoFramesOptions): VideoRange {
  const other = Object.entries({ start, end, only }).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) {
    throw new ConfigError(
      `${other} and a range in seconds are both given; use either start, end and only, or startSeconds and endSeconds`,
    );
  }
  if (!(startSeconds >= 0 && startSeconds < 1e7)) {
    throw new ConfigError(`startSeconds is ${startSeconds}; use seconds from the start of the file, 0 or more`);
  }
  if (endSeconds !== undefined && !(endSeconds > startSeconds && endSeconds < 1e7)) {
    throw new ConfigError(`endSeconds is ${endSeconds}; use seconds, more than startSeconds (${startSeconds})`);
  }
  return { unit: "seconds", start: startSeconds, end: endSeconds };
}

/** Time stamps in steps of 1/fps that lie in a range of seconds: the first, and the first behind it. */
export function slotsOf(range: VideoRange, fps: number): { readonly first: number; readonly end: number | undefined } {
  const slot = (seconds: number): number => Math.ceil(seconds * fps - 1e-6); // 0.3 * 10 is no more than 3
  return { first: slot(range.start), end: range.end === undefined ? undefined : slot(range.end) };
}

/** The last of the chosen frames. */
function lastOf(only: readonly number[], { start = 0, end = Infinity }: VideoFramesOptions): number {
  const wrong = only.find(
    (frame, i) => !Number.isInteger(frame) || frame <= (only[i - 1] ?? -1) || start + frame >= end,
  );
  if (only.length === 0 || wrong !== undefined) {
    throw new ConfigError(
      `only is [${only.join(", ")}]; use at least one frame number, from 0, ascending, below ${end - start}`,
    );
  }
  return only.at(-1)!;
}
