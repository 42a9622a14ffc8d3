// The chains of ffmpeg's filters that choose frames and make RGB of them.
import { ConfigError } from "@noisereel/core";
import type { VideoFramesOptions } from "./frames.js";
import { slotsOf, type VideoRange } from "./range.js";

/** Chooses the frames of `range` of a file that is decoded from its start. */
export function chooseFromStart(range: VideoRange, { fps, only }: VideoFramesOptions): string[] {
  const filters = fps === undefined ? [] : [resample(fps)];
  const { start, end } = range;
  if (range.unit === "frames") {
    if (start > 0 || end !== undefined) filters.push(trim("frame", start, end));
  } else if (fps !== undefined) {
    const slots = slotsOf(range, fps);
    filters.push(trim("pts", slots.first, slots.end));
  } else {
    if (end !== undefined) filters.push(`trim=end=${decimal(end + 1)}`); // so that decoding ends
    filters.push(`select='gte(t,${decimal(start)})${end === undefined ? "" : `*lt(t,${decimal(end)})`}'`);
  }
  if (only !== undefined && only.length < only.at(-1)! + 1) filters.push(`select='${runs("n", only)}'`);
  return filters;
}

/** By the nearest time stamp. */
export const resample = (fps: number): string => `fps=${fps}:round=near`;

/** Frames from `start` up to, and without, `end`; by number, or by time stamp in units of the stream. */
export const trim = (by: "frame" | "pts", start: number, end: number | undefined): string =>
  `trim=start_${by}=${start}${end === undefined ? "" : `:end_${by}=${end}`}`;

/** An expression of ffmpeg's `select` that is true where `variable` is one of `values`: runs of neighbours as one term. */
export function runs(variable: string, values: readonly number[], neighbours = values): string {
  const starts = values.filter((_, i) => i === 0 || neighbours[i] !== neighbours[i - 1]! + 1);
  const ends = values.filter((_, i) => i === values.length - 1 || neighbours[i] !== neighbours[i + 1]! - 1);
  return starts.map((first, i) => `between(${variable},${first},${ends[i]})`).join("+");
}

/** RGB of the wanted size. Every frame gets the time stamp N/25, so that no ffmpeg version drops or repeats one to keep a rate. */
export function toRgb({ size }: VideoFramesOptions): string[] {
  const filters = ["settb=1/25", "setpts=N"];
  const exact = "accurate_rnd+full_chroma_int+full_chroma_inp+bitexact";
  if (size === undefined) filters.push(`scale=iw:ih:flags=bicubic+${exact}`);
  else {
    const { height, width } = size;
    for (const [name, value] of Object.entries({ height, width })) {
      if (!Number.isInteger(value) || value < 1)
        throw new ConfigError(`size.${name} is ${value}; use a positive integer`);
    }
    filters.push(`crop='min(iw,ih*${width}/${height})':'min(ih,iw*${height}/${width})'`);
    filters.push(`scale=${width}:${height}:flags=bicubic+${exact}`);
  }
  return [...filters, "format=rgb24"];
}

/** A number without an exponent, which ffmpeg would read as another one. */
const decimal = (value: number): string => (value < 1e-6 ? "0" : String(value));
