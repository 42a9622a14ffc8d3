// Pieces of a video to clips: transitions dropped, neighbours joined, stills and repetitions dropped, as Panda-70M does.
import { ConfigError, ShapeError } from "@noisereel/core";
import type { FrameRange } from "./chunks.js";
import { type EmbeddingThresholds, vectorDistance } from "./embedding.js";

/** Vectors of the frames at 5 % and at 95 % of a piece. */
export interface PieceVectors {
  readonly start: Float32Array;
  readonly end: Float32Array;
}

export interface StitchOptions {
  readonly fps: number;
  readonly thresholds: EmbeddingThresholds;
  /** Shortest and longest clip, in seconds. Default 2 and 1200. */
  readonly minSeconds?: number | undefined;
  readonly maxSeconds?: number | undefined;
  /** A clip nearer than this to an earlier one is dropped. Default 0: none is. */
  readonly redundancy?: number | undefined;
  /** Part of a clip that is cut off at each end, 0 to 0.4. Default 0. */
  readonly trim?: number | undefined;
}

export interface StitchedScenes {
  readonly clips: readonly FrameRange[];
  /** What was left out, with the reason. */
  readonly dropped: readonly (FrameRange & { readonly reason: string })[];
}

/** Where the two frames of a piece are that its vectors are made of. */
export function vectorFrames({ start, end }: FrameRange): { readonly start: number; readonly end: number } {
  const length = end - start;
  return { start: start + Math.floor(0.05 * length), end: start + Math.min(length - 1, Math.floor(0.95 * length)) };
}

/** Joins and drops `pieces`, which are in order. Works on vectors, so any embedding will do. */
export function stitchScenes(
  pieces: readonly FrameRange[],
  vectors: readonly PieceVectors[],
  options: StitchOptions,
): StitchedScenes {
  const { fps, thresholds, minSeconds = 2, maxSeconds = 1200, redundancy = 0, trim = 0 } = options;
  if (vectors.length !== pieces.length) {
    throw new ShapeError(`there are ${vectors.length} vectors for ${pieces.length} pieces; give one pair for each`);
  }
  if (!(trim >= 0 && trim <= 0.4)) throw new ConfigError(`trim is ${trim}; use a part of the clip from 0 to 0.4`);
  if (!(fps > 0)) throw new ConfigError(`fps is ${fps}; use a positive number`);
  const dropped: (FrameRange & { reason: string })[] = [];
  const events: { range: FrameRange; vectors: PieceVectors }[] = [];
  pieces.forEach((range, index) => {
    const own = vectors[index]!;
    const inside = vectorDistance(own.start, own.end);
    if (inside > thresholds.transition) {
      dropped.push({ ...range, reason: `transition inside: its ends are ${inside.toFixed(2)} apart` });
      return;
    }
    const last = events.at(-1);
    const joins =
      last !== undefined &&
      last.range.end === range.start &&
      vectorDistance(last.vectors.end, own.start) <= thresholds.join;
    if (!joins) events.push({ range, vectors: own });
    else {
      events.pop();
      events.push({
        range: { start: last.range.start, end: range.end },
        vectors: { start: last.vectors.start, end: own.end },
      });
    }
  });
  const clips: FrameRange[] = [];
  const kept: PieceVectors[] = [];
  for (const { range, vectors: own } of events) {
    const margin = Math.floor(trim * (range.end - range.start));
    const trimmed = { start: range.start + margin, end: range.end - margin };
    const seconds = (trimmed.end - trimmed.start) / fps;
    const inside = vectorDistance(own.start, own.end);
    const twin = kept.some((other) => distance(other, own) < redundancy);
    const reason =
      seconds < minSeconds
        ? `shorter than ${minSeconds} s: ${seconds.toFixed(2)} s`
        : seconds > maxSeconds
          ? `longer than ${maxSeconds} s: ${seconds.toFixed(0)} s`
          : inside < thresholds.still
            ? `still: its ends are ${inside.toFixed(3)} apart`
            : twin
              ? "like an earlier clip"
              : undefined;
    if (reason === undefined) {
      clips.push(trimmed);
      kept.push(own);
    } else dropped.push({ ...trimmed, reason });
  }
  return { clips, dropped: dropped.toSorted((a, b) => a.start - b.start) };
}

const distance = (a: PieceVectors, b: PieceVectors): number =>
  (vectorDistance(a.start, b.start) + vectorDistance(a.end, b.end)) / 2;
