// Transforms that begin by taking some frames of a clip, and say which before there are pixels: then only these are decoded.
import type { CallOptions, Clip, ClipSource, ClipTransform, MaybePromise, Rng } from "@noisereel/core";

/** What is known of a clip that was not decoded yet. */
export interface ClipLength {
  readonly id: string;
  readonly frames: number;
}

export interface FrameChoice {
  /** Frame numbers of the clip, in the order in which they are wanted; a number may repeat. */
  readonly indices: readonly number[];
  /** Frames a second of the chosen frames, for a clip of `fps`. */
  readonly rate: (fps: number) => number;
}

/** A transform of which `rest(chosen frames)` is the same as calling it with the whole clip. */
export interface ChoosingTransform extends ClipTransform {
  /** Draws what the transform draws to choose. */
  readonly choose: (clip: ClipLength, rng: Rng) => FrameChoice;
  /** What is done with the chosen frames. Given the same generator as `choose`, after it. */
  readonly rest: ClipTransform;
}

/** A source that can decode some frames of a clip. */
export interface FrameChoosingSource extends ClipSource {
  /** What clip `index` will be, or undefined when only decoding tells. */
  clipLength(index: number): ClipLength | undefined;
  /** The chosen frames. The same as `selectFrames` of the whole clip. Throws `ClipError` when one of them does not exist. */
  getFrames(index: number, choice: FrameChoice, options?: CallOptions): MaybePromise<Clip>;
}

/** Makes a transform of its two parts. */
export function choosingTransform(
  parts: Pick<ChoosingTransform, "choose" | "rest">,
  whole: ClipTransform,
): ChoosingTransform {
  return Object.assign((clip: Clip, rng: Rng) => whole(clip, rng), parts);
}

export const isChoosing = (transform: ClipTransform | undefined): transform is ChoosingTransform =>
  transform !== undefined && "choose" in transform && "rest" in transform;

export const choosesFrames = (source: ClipSource): source is FrameChoosingSource =>
  "getFrames" in source && "clipLength" in source;
