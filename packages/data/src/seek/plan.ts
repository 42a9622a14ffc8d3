// How to read a range of a long film without decoding what is before it: where to begin, and which time stamps its frames have.
import type { VideoFramesOptions } from "../video/frames.js";
import { resample, runs, trim } from "../video/filters.js";
import { slotsOf, type VideoRange } from "../video/range.js";
import { countUpTo, type Film, openFilm, sameClock, stampPrinter } from "./film.js";

/** When beginning in the middle of a file pays. */
export interface SeekRules {
  /** Fewer frames than this are decoded and dropped rather than looked around. */
  readonly frames: number;
  /** The same for ranges in seconds, and after resampling. */
  readonly seconds: number;
}

export const usualSeekRules: SeekRules = { frames: 100, seconds: 2 };

export interface SeekPlan {
  /** ffmpeg's options before the input. */
  readonly input: readonly string[];
  /** Filters that choose the frames and write the time stamp of each into the log. */
  readonly filters: readonly string[];
  /** The time stamp that frame number `place` among those asked for must have; undefined behind the last of the file. */
  readonly expected: (place: number) => number | undefined;
}

/** A plan to read `range`, or undefined when the file is better, or more safely, decoded from its start. */
export async function planSeek(
  file: string,
  range: VideoRange,
  options: VideoFramesOptions & { readonly rules: SeekRules },
): Promise<SeekPlan | undefined> {
  const { fps, rules, seek = "auto", damaged = "throw" } = options;
  // Frames that a decoder drops or invents in damaged places before the range count as well, when they are kept.
  if (seek === "never" || damaged === "keep") return undefined;
  const seconds = range.unit === "seconds" ? range.start : fps === undefined ? undefined : range.start / fps;
  if (seconds === undefined ? range.start < rules.frames : seconds < rules.seconds) return undefined;
  const film = await openFilm(file, options);
  if (film === undefined) return undefined;
  return fps === undefined ? planFrames(film, range, options) : planResampled(film, range, { ...options, fps });
}

async function planFrames(
  film: Film,
  range: VideoRange,
  { only, rules }: VideoFramesOptions & { readonly rules: SeekRules },
): Promise<SeekPlan | undefined> {
  const { stamps, rate } = film;
  /** The first frame at or after a time, in the arithmetic of ffmpeg's `t`. */
  const frameAt = (seconds: number): number => {
    let frame = Math.max(0, countUpTo(stamps, seconds * rate) - 2);
    while (frame < stamps.length && stamps[frame]! * (1 / rate) < seconds) frame++;
    return frame;
  };
  const inSeconds = range.unit === "seconds";
  const start = inSeconds ? frameAt(range.start) : range.start;
  const end = inSeconds && range.end !== undefined ? frameAt(range.end) : range.end;
  if (start >= stamps.length || (end !== undefined && end <= start)) return undefined; // decoding says that nothing is there
  const entry = await film.entryBefore(start);
  if (entry === undefined || entry < rules.frames) return undefined;
  const wanted = only?.map((place) => start + place).filter((frame) => frame < stamps.length);
  const chosen = wanted === undefined ? "1" : runs("pts", wanted.map((frame) => stamps[frame]!), wanted); // prettier-ignore
  return {
    input: seekArguments(film, entry),
    filters: [
      trim("pts", stamps[start]!, end === undefined ? undefined : stamps[end]),
      `select='if(${chosen},${stampPrinter},0)'`,
    ],
    expected: (place) => stamps[wanted === undefined ? start + place : (wanted[place] ?? stamps.length)],
  };
}

/** Resampled frames have whole numbers as time stamps, in units of 1/fps; each shows the last frame that rounds to it or before. */
async function planResampled(
  film: Film,
  range: VideoRange,
  { only, fps, rules }: VideoFramesOptions & { readonly fps: number; readonly rules: SeekRules },
): Promise<SeekPlan | undefined> {
  const { stamps, rate } = film;
  const origin = await film.firstSlot(fps);
  if (origin === undefined) return undefined;
  const slots = range.unit === "seconds" ? slotsOf(range, fps) : undefined;
  const first = slots?.first ?? origin + range.start;
  const end = slots === undefined ? (range.end === undefined ? undefined : origin + range.end) : slots.end;
  // Two steps earlier than needed, so that no rounding matters.
  const before = countUpTo(stamps, ((first - 2) / fps) * rate) - 1;
  if (before < rules.frames || first / fps > stamps.at(-1)! / rate) return undefined;
  const entry = await film.entryBefore(before);
  if (entry === undefined || entry < rules.frames) return undefined;
  const wanted = only?.map((place) => first + place);
  return {
    input: seekArguments(film, entry),
    filters: [
      trim("pts", stamps[entry]!, undefined), // what is decoded before the entry may be wrong
      resample(fps),
      trim("pts", first, end),
      `select='if(${wanted === undefined ? "1" : runs("pts", wanted)},${stampPrinter},0)'`,
    ],
    expected: (place) => (wanted === undefined ? first + place : wanted[place]),
  };
}

/** Seeking goes to the last key packet at or before a time; some containers are searched 3/23 s earlier (for B-frames). */
function seekArguments({ index: { times, keys } }: Film, entry: number): string[] {
  const next = keys[countUpTo(keys, entry)];
  const gap = next === undefined ? Infinity : times[next]! - times[entry]!;
  const seconds = times[entry]! + Math.min(0.14, gap / 2);
  return [...sameClock, "-noaccurate_seek", "-seek_timestamp", "1", "-ss", seconds.toFixed(6)];
}
