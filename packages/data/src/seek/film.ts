// What is known of a film to read parts of it: its packets' index, and how ffmpeg counts the time of its first frame. Kept for
// the files that were read last.
import { stat } from "node:fs/promises";
import path from "node:path";
import type { FilePart } from "../files.js";
import { inputArguments, type ProcessOptions, startFfmpeg } from "../ffmpeg/process.js";
import { resample } from "../video/filters.js";
import { findEntry, type PacketIndex, readPacketIndex } from "./packet-index.js";

export interface Film {
  readonly index: PacketIndex;
  /** Units of time stamps in a second. */
  readonly rate: number;
  /** Time stamps of all frames as ffmpeg's filters see them, in units, ascending. */
  readonly stamps: Float64Array;
  /** The last frame up to `frame` that a decoder may begin at. Undefined when none of the nearest is. */
  entryBefore(frame: number): Promise<number | undefined>;
  /** The time stamp, in units of 1/fps, of the first frame after resampling. */
  firstSlot(fps: number): Promise<number | undefined>;
}

export interface FilmOptions extends Pick<ProcessOptions, "ffmpeg" | "stallSeconds"> {
  readonly part?: FilePart | undefined;
}

/** Options that make time stamps of an input those of the same file decoded from its start, wherever reading begins. */
export const sameClock = ["-copyts", "-start_at_zero"];

/** The part of a filter that writes time stamps into the log, in units of the stream, and is 1. */
export const stampPrinter = "1+0*print(pts)";

/** The number in a line that `stampPrinter` wrote. */
export function stampOf(line: string): number | undefined {
  const match = /^(?:\[[^\]]*\] )?\[info\] (-?\d+\.\d+)$/.exec(line.trim());
  return match === null ? undefined : Number(match[1]);
}

const kept = new Map<string, { readonly film: Promise<Film | undefined>; frames: number }>();
const mostFilms = 256;
const mostFrames = 4_000_000; // 24 bytes each

/** The film in `file`, from memory when it was read before and did not change. Undefined where parts cannot be read exactly. */
export async function openFilm(file: string, options: FilmOptions): Promise<Film | undefined> {
  const { part } = options;
  const { size, mtimeMs } = await stat(file);
  const key = JSON.stringify([path.resolve(file), size, mtimeMs, part?.offset, part?.bytes, options.ffmpeg]);
  const known = kept.get(key);
  const entry = known ?? { film: readFilm(file, options), frames: 0 };
  kept.delete(key);
  kept.set(key, entry); // most recently used is last
  try {
    const film = await entry.film;
    entry.frames = film?.stamps.length ?? 0;
    forgetOldest();
    return film;
  } catch (error) {
    kept.delete(key);
    throw error;
  }
}

function forgetOldest(): void {
  let frames = [...kept.values()].reduce((sum, entry) => sum + entry.frames, 0);
  for (const [key, entry] of kept) {
    if (kept.size <= 1 || (kept.size <= mostFilms && frames <= mostFrames)) return;
    kept.delete(key);
    frames -= entry.frames;
  }
}

async function readFilm(file: string, options: FilmOptions): Promise<Film | undefined> {
  const { part } = options;
  const index = await readPacketIndex(file, part);
  if (index === undefined || index.keys.length < 2) return undefined;
  const clock = await readClock(file, options);
  if (clock === undefined) return undefined;
  const { rate, first, start } = clock;
  // The container library and ffmpeg must agree on when the first frame is shown.
  if (Math.abs(first / rate + start - index.times[0]!) > 1.5 / rate + 2e-6) return undefined;
  const units = index.times.map((seconds) => Math.round(seconds * rate));
  if (index.times.some((seconds, i) => Math.abs(seconds * rate - units[i]!) > 0.01)) return undefined;
  const entries = new Map<number, Promise<number | undefined>>();
  const slots = new Map<number, Promise<number | undefined>>();
  const remember = <Value>(known: Map<number, Promise<Value>>, key: number, make: () => Promise<Value>) => {
    const made = known.get(key) ?? make();
    known.set(key, made);
    if (known.size > 4096) known.delete(known.keys().next().value!);
    return made;
  };
  return {
    index,
    rate,
    stamps: units.map((unit) => unit - units[0]! + first),
    entryBefore(frame) {
      const candidates = Array.from(index.keys.subarray(0, countUpTo(index.keys, frame)));
      const nearest = candidates.at(-1);
      if (nearest === undefined || nearest === 0) return Promise.resolve(nearest);
      return remember(entries, nearest, () => findEntry(file, { part, index, candidates }));
    },
    firstSlot: (fps) =>
      first === 0 ? Promise.resolve(0) : remember(slots, fps, () => readFirstStamp(file, [resample(fps)], options)),
  };
}

/** How many of the ascending `values` are at most `limit`. */
export function countUpTo(values: ArrayLike<number>, limit: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Clock {
  readonly rate: number;
  /** The first frame's time stamp in units. */
  readonly first: number;
  /** Seconds that the container counts at the time stamp 0. */
  readonly start: number;
}

async function readClock(file: string, options: FilmOptions): Promise<Clock | undefined> {
  const { stamps, log } = await readStamps(file, [`select='${stampPrinter}+0*print(1/TB)'`], options);
  const [first, rate] = stamps;
  const start = log
    .map((line) => /Duration: .*, start: (-?[\d.]+)/.exec(line)?.[1])
    .find((found) => found !== undefined);
  if (first === undefined || rate === undefined || start === undefined || !Number.isInteger(rate)) return undefined;
  return { rate, first, start: Number(start) };
}

async function readFirstStamp(
  file: string,
  before: readonly string[],
  options: FilmOptions,
): Promise<number | undefined> {
  return (await readStamps(file, [...before, `select='${stampPrinter}'`], options)).stamps[0];
}

/** What the filters print about the first frame. */
async function readStamps(
  file: string,
  filters: readonly string[],
  options: FilmOptions,
): Promise<{ readonly stamps: readonly number[]; readonly log: readonly string[] }> {
  const { part, ffmpeg, stallSeconds } = options;
  const decoder = await startFfmpeg(
    [...sameClock, ...inputArguments(file, part), "-vf", filters.join(","), "-frames:v", "1", "-f", "null", "-"],
    { ffmpeg, stallSeconds, file, action: "read" },
  );
  for await (const _ of decoder.output);
  await decoder.finish().catch(() => undefined); // decoding from the start, without an index, tells what is wrong
  return { stamps: decoder.log.flatMap((line) => stampOf(line) ?? []), log: decoder.log };
}
