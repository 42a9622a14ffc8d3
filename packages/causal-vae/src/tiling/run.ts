// Runs a network over the tiles of a clip, a row of tiles at a time.
import type { CallOptions, MaybePromise } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { crop, fade, sliceAxis } from "./blend.js";
import type { Range } from "./grid.js";

/** How one network (encoder or decoder) is tiled, in elements of its input and of its result. */
export interface TilePass {
  readonly chunks: readonly Range[];
  readonly rows: readonly Range[];
  readonly columns: readonly Range[];
  /** Elements of the result that neighbours share. */
  readonly blend: number;
  /** Elements of each tile's result that stay. */
  readonly keep: number;
  /** True when the last tile of an axis stays whole. */
  readonly keepLast: boolean;
}

export type TileNetwork = (tile: tf.Tensor5D) => MaybePromise<tf.Tensor5D>;

/** Runs every tile, reports it, and checks for an abort before it. Borrows `x`; the caller owns the result. */
export async function runTiles(
  x: tf.Tensor5D,
  pass: TilePass,
  network: TileNetwork,
  options: CallOptions,
): Promise<tf.Tensor5D> {
  const count = pass.chunks.length * pass.rows.length * pass.columns.length;
  let index = 0;
  const finished: tf.Tensor5D[] = [];
  try {
    for (const [number, chunk] of pass.chunks.entries()) {
      const piece = sliceAxis(x, 1, chunk.start, chunk.end - chunk.start);
      try {
        const joined = await runChunk(piece, pass, async (tile) => {
          options.signal?.throwIfAborted();
          const result = await network(tile);
          options.onProgress?.({ type: "tile", index: ++index, count });
          return result;
        });
        finished.push(number === 0 ? joined : dropFirstFrame(joined));
      } finally {
        piece.dispose();
      }
    }
    return finished.length === 1 ? finished.pop()! : tf.concat(finished, 1);
  } finally {
    tf.dispose(finished);
  }
}

async function runChunk(x: tf.Tensor5D, pass: TilePass, network: TileNetwork): Promise<tf.Tensor5D> {
  const { blend, keep, keepLast } = pass;
  const kept = (place: number, tiles: number, whole: number): number =>
    keepLast && place === tiles - 1 ? whole : keep;
  const strips: tf.Tensor5D[] = [];
  let above: tf.Tensor5D[] = [];
  let current: tf.Tensor5D[] = [];
  try {
    for (const [row, vertical] of pass.rows.entries()) {
      for (const [column, horizontal] of pass.columns.entries()) {
        let tile = await runTile(x, vertical, horizontal, network);
        if (row > 0) tile = replace(tile, fade(above[column]!, tile, blend, 2));
        if (column > 0) tile = replace(tile, fade(current[column - 1]!, tile, blend, 3));
        current.push(tile);
      }
      strips.push(
        tf.tidy(() => {
          const cropped = current.map((tile, column) => {
            const short = crop(tile, kept(row, pass.rows.length, tile.shape[2]), 2);
            return crop(short, kept(column, pass.columns.length, tile.shape[3]), 3);
          });
          return tf.concat(cropped, 3);
        }),
      );
      tf.dispose(above);
      [above, current] = [current, []];
    }
    return tf.concat(strips, 2);
  } finally {
    tf.dispose([strips, above, current]);
  }
}

async function runTile(x: tf.Tensor5D, rows: Range, columns: Range, network: TileNetwork): Promise<tf.Tensor5D> {
  const tile = tf.tidy(() => {
    const strip = sliceAxis(x, 2, rows.start, rows.end - rows.start);
    return sliceAxis(strip, 3, columns.start, columns.end - columns.start);
  });
  try {
    return await network(tile);
  } finally {
    tile.dispose();
  }
}

function replace(old: tf.Tensor5D, next: tf.Tensor5D): tf.Tensor5D {
  old.dispose();
  return next;
}

function dropFirstFrame(x: tf.Tensor5D): tf.Tensor5D {
  return replace(x, sliceAxis(x, 1, 1, x.shape[1] - 1));
}
