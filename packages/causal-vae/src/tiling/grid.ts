// Where tiles and chunks begin and end. Host-side arithmetic, no tensors.

/** A half-open range along one axis. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * "reference": tiles begin at every step before the end of the axis and are all cropped alike, as in the reference, so
 * an axis as long as a tile is cut too and the last tile may be a sliver. "compact": the tile that reaches the end of
 * the axis is the last, and kept whole.
 */
export type TileGrid = "reference" | "compact";

/** Tiles of `tile` elements every `step` along an axis of `size`; a compact axis that one tile covers is not cut. */
export function tileRanges(size: number, tile: number, step: number, grid: TileGrid): readonly Range[] {
  const ranges: Range[] = [];
  for (let start = 0; start < size; start += step) {
    ranges.push({ start, end: Math.min(start + tile, size) });
    if (grid === "compact" && start + tile >= size) break;
  }
  return ranges;
}

/**
 * Chunks of at most `length` frames that share one frame with the next (tag v1.1.0 of the reference). Every chunk but
 * the first drops the first frame of its result.
 */
export function chunkRanges(frames: number, length: number): readonly Range[] {
  if (frames <= length) return [{ start: 0, end: frames }];
  const chunks: Range[] = [];
  for (let start = 0; start + 1 < frames; start += length - 1) {
    chunks.push({ start, end: Math.min(start + length, frames) });
  }
  return chunks;
}

/** Weight of the later tile at each of `extent` overlapping elements: 0, 1/extent, … */
export function blendWeights(extent: number): Float32Array {
  return Float32Array.from({ length: extent }, (_, index) => index / extent);
}
