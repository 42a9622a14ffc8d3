// Clips that are read and coded piece by piece.
import type { CallOptions, MaybePromise, Stride, VideoTensor } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";
import { sliceFrames } from "../frames.js";
import type { ClipSize } from "../memory.js";

/** A clip `[B, T, H, W, C]` that need not be in memory. */
export interface FrameReader {
  readonly frames: number;
  /** `count` frames from `start`, in [-1, 1]. The caller disposes them. */
  read(start: number, count: number): MaybePromise<tf.Tensor5D>;
}

/** A clip as a tensor or to be read. */
export type ClipInput = tf.Tensor5D | FrameReader;

/** An autoencoder that codes a clip from its start to its end, in pieces. */
export interface PieceAutoencoder {
  readonly latentChannels: number;
  readonly latentScale: number;
  readonly stride: Stride;
  /** Frames of the longest piece. */
  readonly pieceFrames: number;
  /** Moments `[B, T', H', W', 2 * latentChannels]` piece by piece; the caller owns each. Reports a "tile" for each. */
  momentPieces(video: ClipInput, options?: CallOptions): AsyncGenerator<tf.Tensor5D, void, void>;
  /** Pixels of unscaled latents piece by piece; the caller owns each. Reports a "tile" for each. */
  decodedPieces(latents: tf.Tensor5D, options?: CallOptions): AsyncGenerator<VideoTensor, void, void>;
  /** Estimated bytes of the activations for a clip of this size. */
  workingBytes(size: ClipSize): { readonly encode: number; readonly decode: number };
}

/** A clip as something to read from; a tensor is borrowed. */
export function readerOf(clip: ClipInput): FrameReader {
  if ("read" in clip) return clip;
  return { frames: clip.shape[1], read: (start, count) => sliceFrames(clip, start, count) };
}
