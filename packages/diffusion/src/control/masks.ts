// What a training example lets the denoiser see: masks over latents, drawn anew for every example.
import { ConfigError, type Rng } from "@noisereel/core";

/** Latents of a video. */
export interface MaskShape {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** `[frames, height, width]`, row-major: 1 where the latents are known. */
export type ControlMask = (shape: MaskShape, rng: Rng) => Float32Array;

/** Nothing is known: plain text-to-video. */
export const nothingKnown: ControlMask = (shape) => new Float32Array(sizeOf(shape));

/** The first frame, an image of its own in a causal autoencoder: image to video. */
export const imageToVideo: ControlMask = (shape) => framesKnown(shape, (frame) => frame === 0);

/** Some of the first frames, at least one and not all. */
export const continuation: ControlMask = (shape, rng) => {
  const known = shape.frames < 2 ? 0 : 1 + rng.integer(shape.frames - 1);
  return framesKnown(shape, (frame) => frame < known);
};

/** The first and the last frame. */
export const interpolation: ControlMask = (shape) =>
  framesKnown(shape, (frame) => frame === 0 || frame === shape.frames - 1);

/** All but a box, the same in every frame, of a quarter to all of each side. */
export const inPainting: ControlMask = (shape, rng) => {
  const [top, bottom] = span(shape.height, rng);
  const [left, right] = span(shape.width, rng);
  const mask = new Float32Array(sizeOf(shape)).fill(1);
  for (let row = 0; row < shape.frames * shape.height; row++) {
    const y = row % shape.height;
    if (y >= top && y < bottom) mask.fill(0, row * shape.width + left, row * shape.width + right);
  }
  return mask;
};

/** Every frame for itself, with a share that is drawn for the clip. */
export const randomFrames: ControlMask = (shape, rng) => {
  const share = rng.uniform();
  return framesKnown(shape, () => rng.uniform() < share);
};

/** What `mixedMasks` draws when nothing else is asked for. */
const usualMix: readonly (readonly [ControlMask, number])[] = [
  [nothingKnown, 0.3],
  [imageToVideo, 0.25],
  [continuation, 0.2],
  [interpolation, 0.1],
  [inPainting, 0.1],
  [randomFrames, 0.05],
];

/**
 * One of several kinds of mask for each example. `kinds`: each with its share; shares are relative. Keep a share of
 * `nothingKnown`, or the model forgets how to start from text alone.
 */
export function mixedMasks(kinds: readonly (readonly [mask: ControlMask, share: number])[] = usualMix): ControlMask {
  const bad = kinds.find(([, share]) => !(share >= 0 && share < Infinity));
  const total = kinds.reduce((sum, [, share]) => sum + share, 0);
  if (bad !== undefined || !(total > 0)) {
    throw new ConfigError(
      `the shares of masks are ${kinds.map(([, share]) => share).join(", ")}; use numbers from 0, not all of them 0`,
    );
  }
  return (shape, rng) => {
    let left = rng.uniform() * total;
    for (const [mask, share] of kinds) {
      left -= share;
      if (left < 0) return mask(shape, rng.fork("mask"));
    }
    return kinds.findLast(([, share]) => share > 0)![0](shape, rng.fork("mask"));
  };
}

function framesKnown(shape: MaskShape, known: (frame: number) => boolean): Float32Array {
  const perFrame = shape.height * shape.width;
  const mask = new Float32Array(sizeOf(shape));
  for (let frame = 0; frame < shape.frames; frame++) {
    if (known(frame)) mask.fill(1, frame * perFrame, (frame + 1) * perFrame);
  }
  return mask;
}

/** A stretch of at least a quarter of `length`. */
function span(length: number, rng: Rng): readonly [from: number, to: number] {
  const smallest = Math.max(1, Math.floor(length / 4));
  const size = smallest + rng.integer(length - smallest + 1);
  const from = rng.integer(length - size + 1);
  return [from, from + size];
}

function sizeOf({ frames, height, width }: MaskShape): number {
  return frames * height * width;
}
