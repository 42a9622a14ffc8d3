// Does the video sampled for a prompt look like the clip that the prompt describes? Nearest clip by pixel correlation.
import { ConfigError, ShapeError } from "@noisereel/core";
import type { Clip } from "@noisereel/core";

export interface PixelCorrelationOptions {
  /** Both clips are shrunk to this many rows and columns. Default 32 x 32. */
  readonly height?: number;
  readonly width?: number;
  /** Both clips are brought to this many frames, by nearest index. Default: the shorter clip's count. */
  readonly frames?: number;
}

export interface PromptMatch {
  /** How many generated clips are nearest to the reference of the same index. */
  readonly matched: number;
  readonly total: number;
  /** `matrix[generated][reference]`: the correlation, in [-1, 1]. */
  readonly matrix: readonly (readonly number[])[];
  /** The index of the nearest reference of each generated clip. */
  readonly nearest: readonly number[];
}

/**
 * Pearson correlation of two clips over all pixels, frames and channels, after both were resized (mean over each
 * target pixel's area) and resampled in time. 0 when one of them is a single flat colour.
 */
export function pixelCorrelation(a: Clip, b: Clip, options: PixelCorrelationOptions = {}): number {
  const height = options.height ?? 32;
  const width = options.width ?? 32;
  const frames = options.frames ?? Math.min(a.frames, b.frames);
  for (const [name, value] of Object.entries({ height, width, frames })) {
    if (!Number.isInteger(value) || value < 1) throw new ConfigError(`${name} is ${value}; use a positive integer`);
  }
  return pearson(shrink(a, frames, height, width), shrink(b, frames, height, width));
}

/**
 * Compares every generated clip with every reference. `generated[i]` is right when no other reference correlates with
 * it as much as `references[i]` does; a tie is a miss.
 */
export function matchPrompts(
  generated: readonly Clip[],
  references: readonly Clip[],
  options: PixelCorrelationOptions = {},
): PromptMatch {
  if (generated.length > references.length || generated.length === 0) {
    throw new ConfigError(
      `there are ${generated.length} generated clips and ${references.length} references; pass the reference of each generated clip at the same index`,
    );
  }
  const matrix = generated.map((clip) => references.map((reference) => pixelCorrelation(clip, reference, options)));
  const nearest = matrix.map((row) => row.indexOf(Math.max(...row)));
  const matched = matrix.filter((row, own) =>
    row.every((correlation, other) => other === own || correlation < row[own]!),
  );
  return { matched: matched.length, total: generated.length, matrix, nearest };
}

/** `[frames, height, width, 3]`: nearest frames, each target pixel the mean of the area it covers. */
function shrink(clip: Clip, frames: number, height: number, width: number): Float64Array {
  const expected = clip.frames * clip.height * clip.width * 3;
  if (clip.pixels.length !== expected || expected === 0) {
    throw new ShapeError(
      `clip ${clip.id} has ${clip.pixels.length} bytes but ${clip.frames} frames of ${clip.height} x ${clip.width} are ${expected}; pass frames * height * width * 3 RGB bytes`,
    );
  }
  const rows = coverage(clip.height, height);
  const columns = coverage(clip.width, width);
  const result = new Float64Array(frames * height * width * 3);
  let target = 0;
  for (let frame = 0; frame < frames; frame++) {
    const start = nearestFrame(frame, frames, clip.frames) * clip.height * clip.width;
    for (const row of rows) {
      for (const column of columns) {
        for (const [y, rowShare] of row) {
          for (const [x, columnShare] of column) {
            const pixel = (start + y * clip.width + x) * 3;
            const share = rowShare * columnShare;
            for (let channel = 0; channel < 3; channel++) {
              result[target + channel]! += share * clip.pixels[pixel + channel]!;
            }
          }
        }
        target += 3;
      }
    }
  }
  return result;
}

/** For each of `to` cells over `from` pixels: the pixels it covers and their shares, which sum to 1. */
function coverage(from: number, to: number): (readonly [index: number, share: number])[][] {
  const size = from / to;
  return Array.from({ length: to }, (_, cell) => {
    const start = cell * size;
    const end = start + size;
    const covered: (readonly [number, number])[] = [];
    for (let i = Math.floor(start); i < Math.min(from, Math.ceil(end)); i++) {
      const share = (Math.min(end, i + 1) - Math.max(start, i)) / size;
      if (share > 0) covered.push([i, share]);
    }
    return covered;
  });
}

/** First frame to first, last to last, evenly between. */
function nearestFrame(index: number, count: number, available: number): number {
  return count === 1 ? 0 : Math.round((index * (available - 1)) / (count - 1));
}

function pearson(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanA = mean(a);
  const meanB = mean(b);
  let product = 0;
  let squareA = 0;
  let squareB = 0;
  for (let i = 0; i < a.length; i++) {
    const fromA = a[i]! - meanA;
    const fromB = b[i]! - meanB;
    product += fromA * fromB;
    squareA += fromA * fromA;
    squareB += fromB * fromB;
  }
  // A flat clip has no variation to correlate; rounding in its mean must not make any up.
  const flat = 1e-12 * a.length;
  return squareA <= flat || squareB <= flat ? 0 : product / Math.sqrt(squareA * squareB);
}
