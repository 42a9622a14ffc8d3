// A model that looks ahead, in chunks that share one frame: what `streamed` is to causal models, with a loss.
import { type CallOptions, ConfigError } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";
import { sliceFrames } from "../frames.js";
import type { MomentsAutoencoder } from "../model.js";
import { chunkRanges } from "../tiling/grid.js";
import { type ClipInput, type PieceAutoencoder, readerOf } from "./pieces.js";

export interface ChunkedOptions {
  /** Frames of a chunk, `4k + 1`, at least 5. Default 17. */
  readonly chunkFrames?: number;
}

/**
 * Pieces of any `vae` (tag v1.1.0 of the reference): each chunk is coded by itself and begins with the last frame of the
 * one before, whose second result is dropped. Memory is that of one chunk; at the seams the result differs from the
 * whole clip's. For a causal model `streamed` has no seams. `dispose` leaves `vae` alone.
 */
export function chunked(vae: MomentsAutoencoder, options: ChunkedOptions = {}): PieceAutoencoder {
  const { latentChannels, latentScale, stride } = vae;
  const { chunkFrames = 4 * stride.time + 1 } = options;
  const chunkLatents = (chunkFrames - 1) / stride.time + 1;
  if (!Number.isInteger(chunkLatents) || chunkLatents < 2) {
    throw new ConfigError(`chunkFrames is ${chunkFrames}; use ${stride.time}k + 1, at least ${stride.time + 1}`);
  }
  return {
    latentChannels,
    latentScale,
    stride,
    pieceFrames: chunkFrames,
    workingBytes: (size) => vae.workingBytes({ ...size, frames: Math.min(size.frames, chunkFrames) }),
    momentPieces: (video, call = {}) => runChunks(video, chunkFrames, (chunk) => vae.moments(chunk, call), call),
    decodedPieces: (latents, call = {}) => runChunks(latents, chunkLatents, (z) => vae.decodeLatents(z, call), call),
  };
}

async function* runChunks(
  clip: ClipInput,
  length: number,
  code: (chunk: tf.Tensor5D) => tf.Tensor5D | Promise<tf.Tensor5D>,
  options: CallOptions,
): AsyncGenerator<tf.Tensor5D, void, void> {
  const reader = readerOf(clip);
  const chunks = chunkRanges(reader.frames, length);
  for (const [index, { start, end }] of chunks.entries()) {
    options.signal?.throwIfAborted();
    const chunk = await reader.read(start, end - start);
    let result: tf.Tensor5D;
    try {
      result = await code(chunk);
    } finally {
      chunk.dispose();
    }
    options.onProgress?.({ type: "tile", index: index + 1, count: chunks.length });
    if (index === 0) yield result;
    else {
      const rest = sliceFrames(result, 1, result.shape[1] - 1);
      result.dispose();
      yield rest;
    }
  }
}
