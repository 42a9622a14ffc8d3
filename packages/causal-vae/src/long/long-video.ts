// Clips of any length and any frame size in constant memory: one tile at a time through all of its time, results summed
// outside the memory.
import { type CallOptions, ConfigError, type MaybePromise, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { checkLatentShape, checkVideoShape } from "../shape.js";
import { FrameFile, type Region } from "./frame-file.js";
import { tileSpans, type TileSpan } from "./layout.js";
import type { PieceAutoencoder } from "./pieces.js";

export interface LongVideoOptions {
  /** Largest side of a tile in pixels, a multiple of the stride. Default 256. */
  readonly tileSize?: number;
  /** Least share of a tile that its neighbour covers too, 0 to 0.5. Default 0.25. */
  readonly overlap?: number;
  /** Folder of the temporary file that tiles are summed in: 12 bytes a pixel. Default the system's. */
  readonly folder?: string;
}

/** One clip that is read region by region, such as a file of frames. */
export interface RegionReader {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** `[1, count, region.height, region.width, 3]` in [-1, 1]. The caller disposes it. */
  read(start: number, count: number, region: Region): MaybePromise<VideoTensor>;
}

export interface LongVideoAutoencoder {
  /** Posterior means of a clip `[1, T', H', W', latentChannels]`, unscaled. They stay in memory: 1/192 of the clip's floats. */
  means(video: RegionReader, options?: CallOptions): Promise<tf.Tensor5D>;
  /** Pixels of unscaled latents of one clip, a few whole frames at a time, in order. The caller owns each. */
  frames(latents: tf.Tensor5D, options?: CallOptions): AsyncGenerator<VideoTensor, void, void>;
  /** Estimated bytes of the activations of the largest pass, of a clip of this size in pixels. */
  workingBytes(size: { readonly height: number; readonly width: number }): {
    readonly encode: number;
    readonly decode: number;
  };
}

/** Bytes of the frames that `frames` gives at once, where a frame is not larger. */
const handedBytes = 4 * 2 ** 20;

/**
 * Wraps `streamed(vae)` (a causal model: time without loss) or `chunked(vae)` for clips that need not fit the memory.
 * Every tile runs through the whole clip before the next begins, so that what is kept between pieces is one tile's. Norms
 * and attention see a tile, so a tiled result is close to, not equal to, the untiled one; where one tile covers the
 * frame there is no difference. Node only: tiles are summed in a temporary file.
 */
export function longVideo(coder: PieceAutoencoder, options: LongVideoOptions = {}): LongVideoAutoencoder {
  const { tileSize = 256, overlap = 0.25, folder } = options;
  const { stride, latentChannels, pieceFrames } = coder;
  if (!Number.isInteger(tileSize / stride.height) || tileSize < stride.height) {
    throw new ConfigError(`tileSize is ${tileSize}; use a multiple of ${stride.height} pixels`);
  }
  if (!(overlap >= 0 && overlap <= 0.5)) throw new ConfigError(`overlap is ${overlap}; use a share from 0 to 0.5`);
  const tile = tileSize / stride.height;

  const tilesOf = (height: number, width: number, scale: number): readonly Tile[] => {
    const rows = tileSpans({ size: height, tile, overlap, scale });
    const columns = tileSpans({ size: width, tile, overlap, scale });
    return rows.flatMap((row) => columns.map((column) => ({ row, column })));
  };

  return {
    workingBytes: ({ height, width }) =>
      coder.workingBytes({
        frames: pieceFrames,
        height: Math.min(height, tileSize),
        width: Math.min(width, tileSize),
      }),

    async means(video, call = {}) {
      checkVideoShape([1, video.frames, video.height, video.width, 3], stride);
      const time = (video.frames - 1) / stride.time + 1;
      const [height, width] = [video.height / stride.height, video.width / stride.width];
      const channels = latentChannels;
      const sum = new Float32Array(time * height * width * channels);
      const tiles = tilesOf(height, width, 1);
      for (const [index, { row, column }] of tiles.entries()) {
        const region = scaled(regionOf({ row, column }), stride.height);
        const reader = {
          frames: video.frames,
          read: (start: number, count: number) => video.read(start, count, region),
        };
        let frame = 0;
        for await (const moments of coder.momentPieces(reader, partOf(call, index, tiles.length))) {
          const values = await meansOf(moments, channels);
          const count = moments.shape[1];
          moments.dispose();
          addLatents(sum, { row, column, frame, count, width, height, channels }, values);
          frame += count;
        }
      }
      return tf.tensor5d(sum, [1, time, height, width, channels]);
    },

    async *frames(latents, call = {}) {
      checkLatentShape(latents.shape, latentChannels);
      const [, time, height, width] = latents.shape;
      const tiles = tilesOf(height, width, stride.height);
      if (tiles.length === 1) {
        yield* coder.decodedPieces(latents, call);
        return;
      }
      const file = await FrameFile.create({
        frames: (time - 1) * stride.time + 1,
        height: height * stride.height,
        width: width * stride.width,
        type: "float32",
        ...(folder === undefined ? {} : { folder }),
      });
      try {
        for (const [index, current] of tiles.entries()) {
          await decodeTile(file, latents, current, partOf(call, index, tiles.length));
        }
        yield* wholeFrames(file, call.signal);
      } finally {
        await file.close();
      }
    },
  };

  async function decodeTile(file: FrameFile, latents: tf.Tensor5D, tile: Tile, call: CallOptions): Promise<void> {
    const region = regionOf(tile);
    const small = scaled(region, 1 / stride.height);
    const [, time, , , channels] = latents.shape;
    const part = tf.slice(latents, [0, 0, small.top, small.left, 0], [1, time, small.height, small.width, channels]);
    const weights = { rows: tile.row.weights, columns: tile.column.weights };
    let frame = 0;
    try {
      for await (const piece of coder.decodedPieces(part, call)) {
        const values = await piece.data<"float32">();
        const count = piece.shape[1];
        piece.dispose();
        const size = values.length / count;
        for (let index = 0; index < count; index++) {
          await file.add(frame++, region, values.subarray(index * size, (index + 1) * size), weights);
        }
      }
    } finally {
      part.dispose();
    }
  }
}

interface Tile {
  readonly row: TileSpan;
  readonly column: TileSpan;
}

function regionOf({ row, column }: Tile): Region {
  return { top: row.start, left: column.start, height: row.weights.length, width: column.weights.length };
}

function scaled(region: Region, factor: number): Region {
  const { top, left, height, width } = region;
  return { top: top * factor, left: left * factor, height: height * factor, width: width * factor };
}

/** Progress of one tile among several. */
function partOf(call: CallOptions, index: number, tiles: number): CallOptions {
  const { signal, onProgress } = call;
  return {
    signal,
    onProgress: (event) => {
      if (event.type !== "tile") return;
      onProgress?.({ ...event, index: index * event.count + event.index, count: tiles * event.count });
    },
  };
}

/** The first half of the channels. */
async function meansOf(moments: tf.Tensor5D, channels: number): Promise<Float32Array> {
  const means = tf.slice(moments, [0, 0, 0, 0, 0], [...moments.shape.slice(0, 4), channels]);
  try {
    return await means.data<"float32">();
  } finally {
    means.dispose();
  }
}

/** Adds a tile's weighted values `[count, h, w, channels]` to `sum` `[T', H', W', channels]` from latent frame `frame`. */
function addLatents(
  sum: Float32Array,
  place: Tile & {
    readonly frame: number;
    readonly count: number;
    readonly width: number;
    readonly height: number;
    readonly channels: number;
  },
  values: Float32Array,
): void {
  const { row, column, frame, count, width, height, channels } = place;
  let from = 0;
  for (let time = frame; time < frame + count; time++) {
    for (const [y, vertical] of row.weights.entries()) {
      let to = ((time * height + row.start + y) * width + column.start) * channels;
      for (const horizontal of column.weights) {
        for (let channel = 0; channel < channels; channel++) sum[to++]! += vertical * horizontal * values[from++]!;
      }
    }
  }
}

async function* wholeFrames(file: FrameFile, signal: AbortSignal | undefined): AsyncGenerator<VideoTensor, void, void> {
  const { frames, height, width } = file;
  const whole: Region = { top: 0, left: 0, height, width };
  const size = height * width * 3;
  const together = Math.max(1, Math.floor(handedBytes / (size * 4)));
  for (let start = 0; start < frames; start += together) {
    signal?.throwIfAborted();
    const count = Math.min(together, frames - start);
    const values = new Float32Array(count * size);
    for (let index = 0; index < count; index++) values.set(await file.read(start + index, whole), index * size);
    yield tf.tensor5d(values, [1, count, height, width, 3]);
  }
}
