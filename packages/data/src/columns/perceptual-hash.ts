// Clips that show the same: difference hashes of a few frames, and the pairs of clips whose hashes are near.
import { ConfigError } from "@noisereel/core";
import type { AnalysisFrame, FrameMeasure } from "./contracts.js";

/** Where in a clip the hashed frames are. */
const places = [0.1, 0.5, 0.9];

/**
 * `dhash`: 48 hexadecimal digits, 64 bits for each of three frames. A bit says whether a cell of a 9×8 grid is brighter
 * than its right neighbour, which survives scaling, encoding and changes of brightness.
 */
export const hashMeasure: FrameMeasure = {
  name: "hash",
  columns: ["dhash"],
  begin() {
    const hashes: string[] = [];
    return {
      add: (frame) => void hashes.push(differenceHash(frame)),
      end: () => ({
        dhash: hashes.length === 0 ? null : places.map((place) => hashes[Math.floor(place * hashes.length)]!).join(""),
      }),
    };
  },
};

/** 16 hexadecimal digits of one frame. */
export function differenceHash({ grey, height, width }: Pick<AnalysisFrame, "grey" | "height" | "width">): string {
  const [rows, columns] = [8, 9];
  const sums = new Float64Array(rows * columns);
  const counts = new Float64Array(rows * columns);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * rows) / height) * columns;
    for (let x = 0; x < width; x++) {
      const cell = row + Math.floor((x * columns) / width);
      sums[cell]! += grey[y * width + x]!;
      counts[cell]!++;
    }
  }
  let digits = "";
  for (let row = 0; row < rows; row++) {
    let byte = 0;
    for (let column = 0; column < columns - 1; column++) {
      const i = row * columns + column;
      const brighter = sums[i]! / Math.max(1, counts[i]!) > sums[i + 1]! / Math.max(1, counts[i + 1]!);
      byte = byte * 2 + (brighter ? 1 : 0);
    }
    digits += byte.toString(16).padStart(2, "0");
  }
  return digits;
}

/** Bits in which two hashes of equal length differ. */
export function hashDistance(a: string, b: string): number {
  let bits = 0;
  for (let i = 0; i < a.length; i++) bits += bitCounts[parseInt(a[i]!, 16) ^ parseInt(b[i]!, 16)]!;
  return bits;
}
const bitCounts = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];

/**
 * For each hash the position of the first hash that is not more than `distance` bits away (default 10 of 192), itself
 * excluded; `undefined` for clips that repeat nothing before them. Near hashes share a part when they are cut into
 * `distance + 1` parts, so only those are compared.
 */
export function findDuplicates(
  hashes: readonly (string | null | undefined)[],
  options: { readonly distance?: number } = {},
): (number | undefined)[] {
  const { distance = 10 } = options;
  if (!Number.isInteger(distance) || distance < 0 || distance > 47) {
    throw new ConfigError(`distance is ${distance}; use an integer from 0 to 47`);
  }
  const firstWithPart = new Map<string, number[]>();
  return hashes.map((hash, index) => {
    if (hash === null || hash === undefined) return undefined;
    const parts = Array.from({ length: distance + 1 }, (_, part) => {
      const [from, to] = [part, part + 1].map((i) => Math.floor((i * hash.length) / (distance + 1)));
      return `${part}:${hash.slice(from, to)}`;
    });
    const candidates = new Set(parts.flatMap((part) => firstWithPart.get(part) ?? []));
    const twin = [...candidates]
      .toSorted((a, b) => a - b)
      .find((other) => hashDistance(hashes[other]!, hash) <= distance);
    if (twin !== undefined) return twin;
    for (const part of parts) {
      const known = firstWithPart.get(part);
      if (known === undefined) firstWithPart.set(part, [index]);
      else known.push(index);
    }
    return undefined;
  });
}
