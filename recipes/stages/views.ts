// Other looks at the same clip, so that a handful of clips is not learnt by heart.
import type { Clip, Rng } from "@noisereel/core";
import { centerCropResize, cropClip, horizontalFlip, resizeClip, temporalCrop } from "@noisereel/data";
import type { ClipShape } from "./clips.js";

export interface ViewOptions {
  readonly shape: ClipShape;
  /** Every so many frames of the file. */
  readonly sampleRate: number;
  /** Which view, from 0. */
  readonly index: number;
  /** The same for all views of a clip. */
  readonly rng: Rng;
}

/** Share of the largest rectangle's sides that a drawn one has at least. */
const smallestSide = 0.7;

/**
 * View 0 is the clip's first frames, its largest centred rectangle. The others begin at a drawn frame, show a drawn rectangle of
 * the same aspect with at least 0.7 of its sides, and half of them are mirrored, unless the caption speaks of left or right.
 */
export async function viewOf(clip: Clip, { shape, sampleRate, index, rng }: ViewOptions): Promise<Clip> {
  const own = rng.fork(`view-${index}`);
  const position = index === 0 ? "start" : "random";
  const part = await temporalCrop({ frames: shape.frames, sampleRate, position })(clip, own.fork("begin"));
  if (index === 0) return centerCropResize(shape)(part, own);
  const sides = /\b(left|right)\b/i.test(clip.caption ?? "");
  const mirrored = await horizontalFlip({ probability: sides ? 0 : 0.5 })(part, own.fork("mirror"));
  return resizeClip(cropClip(mirrored, drawRectangle(clip, shape, own.fork("rectangle"))), shape);
}

function drawRectangle(clip: Clip, { height, width }: ClipShape, rng: Rng) {
  const scale = Math.min(clip.height / height, clip.width / width);
  const share = smallestSide + (1 - smallestSide) * rng.uniform();
  const size = {
    height: Math.max(1, Math.floor(height * scale * share)),
    width: Math.max(1, Math.floor(width * scale * share)),
  };
  return {
    ...size,
    top: rng.integer(clip.height - size.height + 1),
    left: rng.integer(clip.width - size.width + 1),
  };
}
