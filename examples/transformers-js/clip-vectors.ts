// CLIP for two plugin points: vectors of frames for stitching scenes, and how well a caption matches its clip.
import { ClipError } from "@noisereel/core";
import { type ClipScorer, framePixels, type EmbeddingThresholds, type FrameEmbedding } from "@noisereel/data";
import type { Picture } from "./captioner.js";

export interface ClipVectors {
  readonly name: string;
  /** Vectors of pictures; any length, all of one size. */
  readonly embedImages: (pictures: readonly Picture[]) => Promise<readonly Float32Array[]>;
  /** Vectors of texts in the same space. */
  readonly embedTexts: (texts: readonly string[]) => Promise<readonly Float32Array[]>;
}

/**
 * What stitching compares. Vectors are made unit long, so that distances lie between 0 and 2 and `distance² = 2 - 2 cosine`. The
 * thresholds are those that Panda-70M uses with another model; look at the score of your own videos before you trust them.
 */
export function clipEmbedding(
  vectors: Pick<ClipVectors, "name" | "embedImages">,
  thresholds: EmbeddingThresholds = { transition: 1, join: 0.6, still: 0.15 },
): FrameEmbedding {
  return {
    name: vectors.name,
    thresholds,
    embed: async (frames) => (await vectors.embedImages(frames)).map(unit),
  };
}

/** The column `caption_match`: mean cosine of some frames and the caption, -1 to 1; null without a caption. */
export function captionMatch(vectors: ClipVectors, options: { readonly frames?: number } = {}): ClipScorer {
  const { frames = 4 } = options;
  return {
    name: `${vectors.name}-caption-match`,
    columns: ["caption_match"],
    frames,
    async score(clip) {
      const { caption, height, width } = clip;
      if (caption === undefined || caption === "") return { caption_match: null };
      const pictures = Array.from({ length: clip.frames }, (_, frame) => ({
        pixels: framePixels(clip, frame),
        height,
        width,
      }));
      const [text] = (await vectors.embedTexts([caption])).map(unit);
      const images = (await vectors.embedImages(pictures)).map(unit);
      const cosines = images.map((image) => dot(image, text!));
      return { caption_match: cosines.reduce((sum, value) => sum + value, 0) / cosines.length };
    },
  };
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.sqrt(dot(vector, vector));
  if (!(length > 0 && Number.isFinite(length)))
    throw new ClipError("the model gave a vector of length 0 or not a number");
  return vector.map((value) => value / length);
}

function dot(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new ClipError(`vectors have ${a.length} and ${b.length} numbers; one model gives one size`);
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}
