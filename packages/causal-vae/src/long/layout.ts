// Tiles of one size over an axis, and how much each counts where they overlap. Host-side arithmetic, no tensors.
import { ConfigError } from "@noisereel/core";

/** A tile along one axis. */
export interface TileSpan {
  readonly start: number;
  /** Weight of each element; at every place of the axis the weights of all tiles add up to 1. */
  readonly weights: Float32Array;
}

/**
 * Tiles of `tile` elements, spread evenly over an axis of `size` so that neighbours share at least `overlap` of a tile.
 * All have one size, so that one compiled network runs them all and none is a sliver. One tile covers a short axis.
 * `scale` gives starts and weights in a unit of which every element has so many: pixels for an axis of latents.
 */
export function tileSpans(options: {
  readonly size: number;
  readonly tile: number;
  readonly overlap: number;
  readonly scale?: number;
}): readonly TileSpan[] {
  const { size, tile, overlap, scale = 1 } = options;
  const length = Math.min(size, tile);
  const shared = Math.ceil(length * overlap);
  if (length < size && shared >= length) {
    throw new ConfigError(`overlap ${overlap} of a tile of ${length} leaves no step; use larger tiles or less overlap`);
  }
  const count = length === size ? 1 : Math.ceil((size - length) / (length - shared)) + 1;
  const starts = Array.from({ length: count }, (_, index) =>
    count === 1 ? 0 : scale * Math.round(((size - length) * index) / (count - 1)),
  );
  const extent = length * scale;
  const total = new Float64Array(size * scale);
  const ramps = starts.map((start, index) => {
    const before = index === 0 ? 0 : starts[index - 1]! + extent - start;
    const after = index === count - 1 ? 0 : start + extent - starts[index + 1]!;
    return Float64Array.from({ length: extent }, (_, place) => {
      const rise = before <= 0 ? 1 : Math.min(1, (place + 0.5) / before);
      const fall = after <= 0 ? 1 : Math.min(1, (extent - place - 0.5) / after);
      total[start + place]! += rise * fall;
      return rise * fall;
    });
  });
  return ramps.map((ramp, index) => {
    const start = starts[index]!;
    return { start, weights: Float32Array.from(ramp, (value, place) => value / total[start + place]!) };
  });
}
