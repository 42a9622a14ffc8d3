// Videos of any length: windows that overlap, each of which continues the last frames of the one before.
import { ConfigError, createRng, type MaybePromise, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import {
  type GeneratedVideo,
  type GenerateOptions,
  type GenerationStep,
  shapeOfLatents,
  streamVideo,
} from "./generate.js";
import { type EncodedPrompts, encodePrompts } from "./texts.js";

export interface LongVideoOptions extends Omit<GenerateOptions, "frames"> {
  /** Frames of one window, `1 + stride.time * n`: a length that the denoiser was trained for. */
  readonly windowFrames: number;
  /** Frames that a window takes over from the one before, `1 + stride.time * n`, fewer than `windowFrames`. Default 1. */
  readonly overlap?: number;
  /** How many windows. The video has `windowFrames + (windows - 1) * (windowFrames - overlap)` frames. */
  readonly windows: number;
  /** After each step, with the number of its window, from 1. */
  readonly onStep?: (step: GenerationStep, window: number) => MaybePromise<void>;
}

export interface VideoWindow {
  /** From 1. */
  readonly index: number;
  readonly count: number;
  /** `[B, T, H, W, 3]`, not clamped: the frames that are new with this window. The caller owns them. */
  readonly video: VideoTensor;
}

/**
 * Yields one window after the other and keeps nothing but its last `overlap` frames, so that memory does not grow with the
 * length. The denoiser must be trained with a control that shows the first frames (`LatteT2V.widened`, `continuation`). The
 * first window is what `generateVideo` makes of the same seed; texts are encoded once.
 */
export async function* streamLongVideo(options: LongVideoOptions): AsyncGenerator<VideoWindow, void, void> {
  const { windowFrames: frames, overlap = 1, windows, vae, seed } = options;
  check(options, overlap);
  shapeOfLatents({ ...options, frames });
  const encoded =
    "condition" in options.textEncoder
      ? undefined
      : await encodePrompts({ ...options, textEncoder: options.textEncoder });
  const textEncoder: EncodedPrompts = encoded ?? (options.textEncoder as EncodedPrompts);
  let tail: VideoTensor | undefined;
  try {
    for (let index = 1; index <= windows; index++) {
      const windowSeed =
        index === 1
          ? seed
          : createRng(seed)
              .fork(`window ${index}`)
              .integer(2 ** 31);
      const { video, latents } = await watched(
        streamVideo({
          ...options,
          textEncoder,
          frames,
          seed: windowSeed,
          ...(tail === undefined ? {} : { known: { video: tail } }),
        }),
        (step) => options.onStep?.(step, index),
      );
      latents.dispose();
      const first = tail === undefined ? 0 : overlap;
      tail?.dispose();
      const part = (from: number, count: number) =>
        tf.tidy(() => tf.slice(video, [0, from, 0, 0, 0], [-1, count, -1, -1, -1]));
      // The autoencoder reads pixels as a file would hold them.
      tail = index < windows ? tf.tidy(() => tf.clipByValue(part(frames - overlap, overlap), -1, 1)) : undefined;
      const fresh = first === 0 ? video : part(first, frames - first);
      if (fresh !== video) video.dispose();
      yield { index, count: windows, video: fresh };
    }
  } finally {
    tail?.dispose();
    encoded?.dispose();
  }

  function check({ known, denoiser }: LongVideoOptions, shared: number): void {
    const unit = vae.stride.time;
    if (!Number.isInteger(windows) || windows < 1) {
      throw new ConfigError(`windows is ${windows}; use a positive integer`);
    }
    if (windows === 1) return;
    if (!Number.isInteger(shared) || shared < 1 || shared >= frames || (shared - 1) % unit !== 0) {
      throw new ConfigError(
        `overlap is ${shared}; use 1, ${1 + unit}, ${1 + 2 * unit}, … frames, fewer than the ${frames} of a window`,
      );
    }
    const { name, controlChannels = 0 } = "denoiser" in denoiser ? denoiser.denoiser : denoiser;
    if (controlChannels === 0) {
      throw new ConfigError(
        `${name} reads no control and cannot continue a video; train one with control channels, see LatteT2V.widened`,
      );
    }
    if (known?.mask !== undefined) {
      throw new ConfigError("known.mask belongs to a single window; leave it out, or use generateVideo");
    }
  }
}

/** Runs the stream to its end. */
async function watched(
  stream: AsyncGenerator<GenerationStep, GeneratedVideo, void>,
  onStep: (step: GenerationStep) => MaybePromise<void>,
): Promise<GeneratedVideo> {
  try {
    for (;;) {
      const next = await stream.next();
      if (next.done === true) return next.value;
      await onStep(next.value);
    }
  } finally {
    // After an error in onStep this frees what the stream holds; after its end it does nothing.
    await stream.return(undefined as never);
  }
}
