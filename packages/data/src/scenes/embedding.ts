// Pictures as vectors whose distance says how alike they are: what scene stitching compares.
import type { CallOptions, MaybePromise } from "@noisereel/core";
import type { VideoFrame } from "../video/frame.js";
import { rgbToHsv8 } from "./hsv.js";

/** Distances between vectors of an embedding, from where on something is so. */
export interface EmbeddingThresholds {
  /** Beginning and end of one piece farther apart than this: there is a transition inside. */
  readonly transition: number;
  /** End of one piece and beginning of the next not farther apart than this: they are one scene. */
  readonly join: number;
  /** Beginning and end of a clip nearer than this: nothing happens in it. */
  readonly still: number;
}

/** A plugin point: frames to vectors. Compared by Euclidean distance. */
export interface FrameEmbedding {
  readonly name: string;
  readonly thresholds: EmbeddingThresholds;
  /** One vector for each frame; all of one length. */
  embed(frames: readonly VideoFrame[], options?: CallOptions): MaybePromise<readonly Float32Array[]>;
}

const bins = 8;
const grid = 16;

/**
 * An embedding that needs no network: the colours of the picture (a histogram of hue, saturation and value, 8 steps each) and
 * its layout (16×16 grey means without their average), each of length 1 and counted half. Distances lie between 0 and
 * about 1.5; between the shipped clips they are 0.97 to 1.53, within one of them 0.22 to 1.06.
 */
export function colourLayoutEmbedding(): FrameEmbedding {
  return {
    name: "colour-layout",
    thresholds: { transition: 1.1, join: 0.75, still: 0.03 },
    embed: (frames) =>
      frames.map((frame) => {
        const vector = new Float32Array(bins ** 3 + grid ** 2);
        vector.set(colours(frame));
        vector.set(layout(frame), bins ** 3);
        return vector.map((value) => value * Math.SQRT1_2);
      }),
  };
}

/** Euclidean distance of two vectors. */
export function vectorDistance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum);
}

/** Square roots of the shares of colours: their distance is Hellinger's, and their length is 1. */
function colours({ pixels }: VideoFrame): Float32Array {
  const hsv = rgbToHsv8(pixels);
  const counts = new Float32Array(bins ** 3);
  for (let i = 0; i < hsv.length; i += 3) {
    const hue = Math.floor((hsv[i]! * bins) / 180);
    counts[(hue * bins + (hsv[i + 1]! >> 5)) * bins + (hsv[i + 2]! >> 5)]!++;
  }
  return counts.map((count) => Math.sqrt((3 * count) / hsv.length));
}

function layout({ pixels, height, width }: VideoFrame): Float32Array {
  const sums = new Float32Array(grid ** 2);
  const counts = new Float32Array(grid ** 2);
  let i = 0;
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * grid) / height) * grid;
    for (let x = 0; x < width; x++, i += 3) {
      const cell = row + Math.floor((x * grid) / width);
      sums[cell]! += 0.299 * pixels[i]! + 0.587 * pixels[i + 1]! + 0.114 * pixels[i + 2]!;
      counts[cell]!++;
    }
  }
  const means = sums.map((sum, cell) => sum / Math.max(1, counts[cell]!));
  const average = means.reduce((sum, value) => sum + value, 0) / means.length;
  const centered = means.map((value) => value - average);
  const norm = Math.sqrt(centered.reduce((sum, value) => sum + value * value, 0));
  return norm < 1e-3 ? centered.fill(0) : centered.map((value) => value / norm);
}
