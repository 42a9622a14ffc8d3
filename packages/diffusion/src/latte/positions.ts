// Position tables. Computed and never stored, so that the same weights run at another size or length.

/**
 * Row `i`: the sines, then the cosines, of `positions[i] * 10000^(-k / (width / 2))` for k from 0.
 * Positions are rounded to float32 first, the rest is float64. Result `[positions, width]`, row-major.
 */
export function sinCosTable(positions: readonly number[], width: number): Float32Array {
  const half = width / 2;
  const table = new Float32Array(positions.length * width);
  for (const [row, position] of positions.entries()) {
    for (let k = 0; k < half; k++) {
      const angle = Math.fround(position) / 10000 ** (k / half);
      table[row * width + k] = Math.sin(angle);
      table[row * width + half + k] = Math.cos(angle);
    }
  }
  return table;
}

export interface SpatialTableOptions {
  /** Tokens in a column and in a row of one frame. */
  readonly grid: readonly [rows: number, columns: number];
  /** The configuration's `sample_size`, in latents. */
  readonly sampleSize: readonly [height: number, width: number];
  /** Latents along a side of a patch. */
  readonly patch: number;
  /** Channels of a token, a multiple of 4. */
  readonly width: number;
}

/**
 * `[rows * columns, width]`: the first half of the channels encodes the column, the second half the row. Positions of
 * any grid are stretched onto the range of the native one, and both axes are measured by the native height.
 */
export function spatialTable({ grid, sampleSize, patch, width }: SpatialTableOptions): Float32Array {
  const [rows, columns] = grid;
  const base = Math.floor(sampleSize[0] / patch);
  const scale = Math.max(Math.floor(sampleSize[0] / 64), 1);
  const half = width / 2;
  const along = (count: number) =>
    sinCosTable(
      Array.from({ length: count }, (_, i) => Math.fround(i / (count / base)) / scale),
      half,
    );
  const byColumn = along(columns);
  const byRow = along(rows);
  const table = new Float32Array(rows * columns * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const token = (row * columns + column) * width;
      table.set(byColumn.subarray(column * half, (column + 1) * half), token);
      table.set(byRow.subarray(row * half, (row + 1) * half), token + half);
    }
  }
  return table;
}

export interface TemporalTableOptions {
  /** Latent frames of the clip at hand. */
  readonly frames: number;
  /** The configuration's `video_length`; 5 frames, those of a 17-frame clip, are the unit of the scale. */
  readonly videoLength: number;
  /** Channels of a token, even. */
  readonly width: number;
}

/** `[frames, width]`. */
export function temporalTable({ frames, videoLength, width }: TemporalTableOptions): Float32Array {
  const scale = Math.max(Math.floor(videoLength / 5), 1);
  return sinCosTable(
    Array.from({ length: frames }, (_, frame) => frame / scale),
    width,
  );
}
