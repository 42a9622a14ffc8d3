// Any length in constant memory, without loss: a causal model runs piece by piece and keeps, for every layer that looks
// back, the few frames that the next piece needs.
import { type CallOptions, ConfigError, type Executable, type Executor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { scaledCoding } from "./coding.js";
import { type ClipInput, type PieceAutoencoder, readerOf } from "./long/pieces.js";
import { framesBesidePiece } from "./memory.js";
import type { CausalVae, MomentsAutoencoder } from "./model.js";
import { type Past, PiecePast } from "./past.js";

export interface StreamedOptions {
  readonly executor: Executor;
  /** Frames of a piece, a multiple of the temporal stride; the first piece is one frame. Default 4 strides. */
  readonly pieceFrames?: number;
}

export interface StreamedAutoencoder extends MomentsAutoencoder, PieceAutoencoder {
  workingBytes: MomentsAutoencoder["workingBytes"];
}

/**
 * Wraps a causal `vae`: equal to coding the whole clip at once up to rounding, with memory for one piece. Throws
 * `ConfigError` for a model that looks ahead. `dispose` leaves `vae` alone.
 */
export function streamed(vae: CausalVae, options: StreamedOptions): StreamedAutoencoder {
  const { latentChannels, latentScale, stride } = vae;
  const { executor, pieceFrames = 4 * stride.time } = options;
  if (!vae.causal) {
    throw new ConfigError(
      "this VAE looks ahead in time (attention, normalization or time_upsample of its configuration), so pieces would differ from the whole clip; use tiled() with chunkFrames, or a model from causalConfig()",
    );
  }
  if (!Number.isInteger(pieceFrames / stride.time) || pieceFrames < stride.time) {
    throw new ConfigError(`pieceFrames is ${pieceFrames}; use a multiple of ${stride.time}`);
  }
  const encoder = pieceNetwork(executor, `${vae.name}.encode-piece`, (x, past) => vae.momentsOfPiece(x, past));
  const decoder = pieceNetwork(executor, `${vae.name}.decode-piece`, (x, past) => vae.decodePiece(x, past));

  const self: StreamedAutoencoder = {
    name: vae.name,
    latentChannels,
    latentScale,
    stride,
    workingBytes: (size) =>
      vae.workingBytes({ ...size, frames: Math.min(size.frames, pieceFrames) + framesBesidePiece }),
    pieceFrames,
    momentPieces: (video, call = {}) => runPieces(encoder, video, pieceFrames, call),
    decodedPieces: (latents, call = {}) => runPieces(decoder, latents, pieceFrames / stride.time, call),
    moments: (video, call = {}) => joined(self.momentPieces(video, call)),
    decodeLatents: (latents, call = {}) => joined(self.decodedPieces(latents, call)),
    ...scaledCoding(() => self),
    dispose() {
      encoder.dispose();
      decoder.dispose();
    },
  };
  return self;
}

const pastInput = (index: number): string => `past.${index}`;

/** A network of `piece` and, after the first one, `past.0`, `past.1`, …; gives `result` and the next `past.*`. */
function pieceNetwork(
  executor: Executor,
  name: string,
  network: (x: tf.Tensor5D, past: Past) => tf.Tensor5D,
): Executable {
  return executor.compile(
    (inputs) => {
      const kept: tf.Tensor5D[] = [];
      for (let index = 0; pastInput(index) in inputs; index++) kept.push(inputs[pastInput(index)] as tf.Tensor5D);
      const past = new PiecePast(kept);
      const result = network(inputs["piece"] as tf.Tensor5D, past);
      return { result, ...Object.fromEntries(past.next.map((frames, index) => [pastInput(index), frames])) };
    },
    { name, weights: "constant" },
  );
}

/** Runs a clip `[B, T, H, W, C]` in pieces of 1, `size`, `size`, … frames. */
async function* runPieces(
  network: Executable,
  clip: ClipInput,
  size: number,
  options: CallOptions,
): AsyncGenerator<tf.Tensor5D, void, void> {
  const reader = readerOf(clip);
  const { frames } = reader;
  const count = 1 + Math.ceil((frames - 1) / size);
  let past: Record<string, tf.Tensor> = {};
  try {
    for (let index = 0, start = 0; index < count; index++) {
      // The first frame by itself: a network for another shape of piece would hold as much memory as this one's.
      const end = Math.min(frames, 1 + index * size);
      options.signal?.throwIfAborted();
      const piece = await reader.read(start, end - start);
      let outputs: Record<string, tf.Tensor>;
      try {
        outputs = await network.run({ piece, ...past }, { signal: options.signal });
      } finally {
        piece.dispose();
      }
      const { result, ...next } = outputs;
      tf.dispose(past);
      past = next;
      options.onProgress?.({ type: "tile", index: index + 1, count });
      yield result as tf.Tensor5D;
      start = end;
    }
  } finally {
    tf.dispose(past);
  }
}

async function joined(pieces: AsyncIterable<tf.Tensor5D>): Promise<tf.Tensor5D> {
  const all: tf.Tensor5D[] = [];
  try {
    for await (const piece of pieces) all.push(piece);
    return all.length === 1 ? all.pop()! : tf.concat(all, 1);
  } finally {
    tf.dispose(all);
  }
}
