// Where one scene of a video ends and the next begins.
import { ConfigError } from "@noisereel/core";
import type { VideoFrame } from "../video/frames.js";
import { contentScore } from "./content-score.js";
import type { FrameRange } from "./chunks.js";
import { flashFilter } from "./flash-filter.js";
import { rgbToHsv8 } from "./hsv.js";

export interface DetectScenesOptions {
  /** A frame whose content score reaches this begins a scene. Default 27. */
  readonly threshold?: number | undefined;
  /** Shortest scene, in frames. Default 15. */
  readonly minSceneFrames?: number | undefined;
  /** Frames are compared at about this width. Default 256. */
  readonly width?: number | undefined;
}

export interface DetectedScenes {
  readonly scenes: readonly FrameRange[];
  /** Content score of every frame against the one before it; the first is 0. */
  readonly scores: readonly number[];
}

/** Finds hard cuts. Holds two small frames, however long the video is. */
export async function detectScenes(
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: DetectScenesOptions = {},
): Promise<DetectedScenes> {
  const { threshold = 27, minSceneFrames = 15, width = 256 } = options;
  if (!(threshold > 0)) throw new ConfigError(`threshold is ${threshold}; use a positive number`);
  const filter = flashFilter({ minSceneFrames });
  const scores: number[] = [];
  const cuts: number[] = [];
  let before: Uint8Array | undefined;
  for await (const frame of frames) {
    const hsv = rgbToHsv8(shrink(frame, width));
    const score = before === undefined ? 0 : contentScore(before, hsv).score;
    const cut = filter.next(scores.length, score >= threshold);
    if (cut !== undefined) cuts.push(cut);
    scores.push(score);
    before = hsv;
  }
  const edges = [0, ...cuts, scores.length];
  const scenes = edges.slice(1).map((end, i) => ({ start: edges[i]!, end }));
  return { scenes: scores.length === 0 ? [] : scenes, scores };
}

/** Bilinear with half-pixel centres and without antialiasing, OpenCV's default. */
function shrink(frame: VideoFrame, target: number): Uint8Array {
  if (frame.width < target) return frame.pixels;
  const factor = frame.width / target;
  const width = Math.round(frame.width / factor);
  const height = Math.max(1, Math.round(frame.height / factor));
  const columns = taps(frame.width, width);
  const rows = taps(frame.height, height);
  const { pixels } = frame;
  const stride = frame.width * 3;
  const result = new Uint8ClampedArray(height * width * 3);
  let out = 0;
  for (const { low: top, high: bottom, share: down } of rows) {
    for (const { low: left, high: right, share: across } of columns) {
      for (let c = 0; c < 3; c++) {
        const upper = mix(pixels[top * stride + left * 3 + c]!, pixels[top * stride + right * 3 + c]!, across);
        const lower = mix(pixels[bottom * stride + left * 3 + c]!, pixels[bottom * stride + right * 3 + c]!, across);
        result[out++] = mix(upper, lower, down);
      }
    }
  }
  return new Uint8Array(result.buffer);
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

function taps(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const center = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(center);
    return { low, high: Math.min(from - 1, low + 1), share: center - low };
  });
}
