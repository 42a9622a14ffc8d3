// Damaged mp4 and mov indices that claim billions of frames: whoever unrolled them would stand still for minutes.
import { ClipError } from "@noisereel/core";
import type { FoundFile } from "./file.js";

/** ISO/IEC 14496-12, table 1: where the tables of a track lie. */
const containers = new Set(["moov", "trak", "mdia", "minf", "stbl"]);
const firstBoxes = new Set(["ftyp", "moov", "mdat", "free", "skip", "wide", "pnot"]);
const largestIndex = 2 ** 28;

/** Throws a `ClipError` when a run of an mp4's or mov's time tables counts more samples than the file has bytes. */
export async function checkSampleCounts({ name, head, size, read }: FoundFile): Promise<void> {
  if (size === undefined || !firstBoxes.has(typeOf(head, 0))) return;
  // A box of the highest level after the other, until the index is found.
  for (let at = 0, boxes = 0; at + 16 <= size && boxes < 1000; boxes++) {
    const header = await read(at, at + 16);
    const length = boxLength(header, 0, size - at);
    if (typeOf(header, 0) === "moov" && length <= largestIndex) {
      const index = await read(at, at + length);
      if (largestCount(index, 0, index.length) <= size) return;
      throw new ClipError(`${name} is damaged: its index lists more frames than it has bytes; get it again`, {
        path: name,
      });
    }
    if (length < 8) return; // no box: mediabunny says what is wrong
    at += length;
  }
}

/** The most samples that a time table between these places counts. */
function largestCount(bytes: Uint8Array, from: number, to: number): number {
  let largest = 0;
  for (let at = from; at + 8 <= to;) {
    const length = boxLength(bytes, at, to - at);
    if (length < 8) break;
    const end = Math.min(to, at + length);
    const type = typeOf(bytes, at);
    if (containers.has(type)) largest = Math.max(largest, largestCount(bytes, at + 8, end));
    if (type === "stts" || type === "ctts") largest = Math.max(largest, countOf(bytes, at + 8, end));
    at += length;
  }
  return largest;
}

/** The sum of the runs of a table: version and flags, number of runs, then for each run its count and a value. */
function countOf(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  const runs = from + 8 <= to ? word(bytes, from + 4) : 0;
  for (let run = 0, at = from + 8; run < runs && at + 8 <= to; run++, at += 8) sum += word(bytes, at);
  return sum;
}

/** Length of the box at `at`; `rest` when it reaches to the end. */
function boxLength(bytes: Uint8Array, at: number, rest: number): number {
  const length = word(bytes, at);
  if (length === 0) return rest;
  return length === 1 ? word(bytes, at + 8) * 2 ** 32 + word(bytes, at + 12) : length;
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) * 2 ** 24 + ((bytes[at + 1] ?? 0) << 16) + ((bytes[at + 2] ?? 0) << 8) + (bytes[at + 3] ?? 0);

const typeOf = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at + 4, at + 8));
