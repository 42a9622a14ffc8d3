// Clips too large for one pass: height and width in overlapping tiles, time in chunks.
import { type CallOptions, ConfigError } from "@noisereel/core";
import { scaledCoding } from "./coding.js";
import type { MomentsAutoencoder } from "./model.js";
import { checkVideoShape } from "./shape.js";
import { chunkRanges, type TileGrid, tileRanges } from "./tiling/grid.js";
import { runTiles, type TilePass } from "./tiling/run.js";

export interface TiledOptions {
  /** Side of a tile in pixels, a multiple of the stride. Larger frames are cut. Default 256. */
  readonly tileSize?: number;
  /** Share of a tile that overlaps the next, 0 to 0.75; steps must be whole latents. Default 0.25. */
  readonly overlap?: number;
  /**
   * Frames of a chunk, `4k + 1`; longer clips are cut in time too, with one shared frame and no blending. Default none.
   * For a causal model, `streamed` cuts time without any loss.
   */
  readonly chunkFrames?: number;
  /** Default "compact". "reference" gives what the reference gives, slivers included. */
  readonly grid?: TileGrid;
}

/** What coding a clip will take. */
export interface TilePlan {
  readonly tiles: { readonly rows: number; readonly columns: number };
  readonly chunks: number;
  /** Passes through each network. */
  readonly passes: number;
  /** Frames, height and width of the largest pass, in pixels. */
  readonly largest: { readonly frames: number; readonly height: number; readonly width: number };
  /** Estimated bytes of the activations of the largest pass; the process and the weights come on top. */
  readonly bytes: { readonly encode: number; readonly decode: number };
}

export interface TiledAutoencoder extends MomentsAutoencoder {
  /** Plans a clip of this size, in pixels. */
  plan(size: { readonly frames: number; readonly height: number; readonly width: number }): TilePlan;
}

/**
 * Wraps `vae` so that its memory does not grow with the frame (and, with `chunkFrames`, not with the clip). Moments and
 * pixels are blended linearly over the overlap. Norms and attention see one tile at a time, so the result is close to,
 * not equal to, the untiled one; a clip that one tile covers is coded as if unwrapped.
 */
export function tiled(vae: MomentsAutoencoder, options: TiledOptions = {}): TiledAutoencoder {
  const { latentChannels, latentScale, stride } = vae;
  const settings = checkOptions(vae, options);
  const { tileSize, latentSize, overlap, chunkFrames, chunkLatents, grid } = settings;

  const passOf = (
    shape: readonly number[],
    input: { readonly tile: number; readonly chunk: number },
    resultTile: number,
  ): TilePass | null => {
    const [, frames, height, width] = shape as [number, number, number, number];
    if (height <= input.tile && width <= input.tile && frames <= input.chunk) return null;
    const step = Math.floor(input.tile * (1 - overlap));
    const blend = Math.floor(resultTile * overlap);
    return {
      chunks: chunkRanges(frames, input.chunk),
      rows: tileRanges(height, input.tile, step, grid),
      columns: tileRanges(width, input.tile, step, grid),
      blend,
      keep: resultTile - blend,
      keepLast: grid === "compact",
    };
  };
  const encodePass = (shape: readonly number[]) => passOf(shape, { tile: tileSize, chunk: chunkFrames }, latentSize);
  const decodePass = (shape: readonly number[]) => passOf(shape, { tile: latentSize, chunk: chunkLatents }, tileSize);

  const self: TiledAutoencoder = {
    name: vae.name,
    latentChannels,
    latentScale,
    stride,
    workingBytes: (size) => self.plan(size).bytes,
    async moments(video, call: CallOptions = {}) {
      const pass = encodePass(video.shape);
      if (pass === null) return vae.moments(video, call);
      return runTiles(video, pass, (tile) => vae.moments(tile, { signal: call.signal }), call);
    },
    async decodeLatents(latents, call: CallOptions = {}) {
      const pass = decodePass(latents.shape);
      if (pass === null) return vae.decodeLatents(latents, call);
      return runTiles(latents, pass, (tile) => vae.decodeLatents(tile, { signal: call.signal }), call);
    },
    ...scaledCoding(() => self),
    plan(size) {
      checkVideoShape([1, size.frames, size.height, size.width, 3], stride);
      const pass = encodePass([1, size.frames, size.height, size.width, 3]);
      const [rows, columns, chunks] = [pass?.rows.length ?? 1, pass?.columns.length ?? 1, pass?.chunks.length ?? 1];
      const largest = {
        frames: Math.min(size.frames, chunkFrames),
        height: Math.min(size.height, tileSize),
        width: Math.min(size.width, tileSize),
      };
      const bytes = vae.workingBytes(largest);
      return { tiles: { rows, columns }, chunks, passes: rows * columns * chunks, largest, bytes };
    },
    dispose: () => vae.dispose(),
  };
  return self;
}

function checkOptions(vae: MomentsAutoencoder, options: TiledOptions) {
  const { tileSize = 256, overlap = 0.25, chunkFrames = Infinity, grid = "compact" } = options;
  const { stride } = vae;
  if (!Number.isInteger(tileSize) || tileSize < stride.height || tileSize % stride.height !== 0) {
    throw new ConfigError(`tileSize is ${tileSize}; use a multiple of ${stride.height} pixels`);
  }
  if (!(overlap >= 0 && overlap <= 0.75)) throw new ConfigError(`overlap is ${overlap}; use a share from 0 to 0.75`);
  const latentSize = tileSize / stride.height;
  if (!Number.isInteger(latentSize * (1 - overlap))) {
    throw new ConfigError(
      `overlap is ${overlap}, which moves tiles of ${latentSize} latents by ${latentSize * (1 - overlap)}; choose a share of the tile that is a whole number of latents`,
    );
  }
  const chunkLatents = (chunkFrames - 1) / stride.time + 1;
  if (chunkFrames !== Infinity && (!Number.isInteger(chunkLatents) || chunkLatents < 2)) {
    throw new ConfigError(`chunkFrames is ${chunkFrames}; use ${stride.time}k + 1, at least ${stride.time + 1}`);
  }
  return { tileSize, latentSize, overlap, chunkFrames, chunkLatents, grid };
}
