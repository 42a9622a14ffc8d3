// Which frames are asked for: the options that videos and animations share, and their checks.
import { ClipError, ConfigError } from "@noisereel/core";

export interface FrameRangeOptions {
  /** First frame that is read, from 0. Default 0. Exact: decoding begins at the key frame before it. */
  readonly start?: number | undefined;
  /** First frame that is not read any more. Default: the end of the file. */
  readonly end?: number | undefined;
  /** Only these frames, counted from `start`, in ascending order; decoding ends with the last. Default: all. */
  readonly only?: readonly number[] | undefined;
  /** Largest height times width that is accepted. Default 33,177,600 (7680x4320). */
  readonly maxPixels?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws a `ConfigError` when the range cannot be meant. */
export function checkRange({ start = 0, end, only }: FrameRangeOptions): void {
  if (!Number.isInteger(start) || start < 0) throw new ConfigError(`start is ${start}; use a frame number, 0 or more`);
  if (end !== undefined && end !== Infinity && (!Number.isInteger(end) || end <= start)) {
    throw new ConfigError(`end is ${end}; use a frame number larger than start (${start})`);
  }
  if (only === undefined) return;
  const below = (end ?? Infinity) - start;
  const wrong = only.some((frame, i) => !Number.isInteger(frame) || frame <= (only[i - 1] ?? -1) || frame >= below);
  if (only.length === 0 || wrong) {
    throw new ConfigError(
      `only is [${only.join(", ")}]; use at least one frame number, from 0, ascending, below ${below}`,
    );
  }
}

/** The chosen ones of `count` frames, ascending. Throws a `ClipError` when there is none, or one of `only` is missing. */
export function chosenFrames(name: string, count: number, options: FrameRangeOptions): number[] {
  const { start = 0, end = Infinity, only } = options;
  const last = Math.min(end, count);
  if (start >= last || (only !== undefined && start + only.at(-1)! >= last)) {
    const wanted = only === undefined ? `from ${start} to ${options.end ?? "its end"}` : `${start + only.at(-1)!}`;
    throw new ClipError(`${name} has no frame ${wanted}; it has ${count}`, { path: name });
  }
  return only?.map((frame) => start + frame) ?? Array.from({ length: last - start }, (_, i) => start + i);
}

/** Throws a `ClipError` when frames are larger than allowed. */
export function checkPixels(name: string, height: number, width: number, maxPixels = 33_177_600): void {
  if (height * width <= maxPixels) return;
  throw new ClipError(
    `cannot read ${name}: its frames of ${width}x${height} exceed the limit of ${maxPixels} pixels; raise maxPixels if you trust the file`,
    { path: name },
  );
}
