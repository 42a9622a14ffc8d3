// Where one scene of a video ends and the next begins.
import { ConfigError } from "@noisereel/core";
import type { VideoFrame } from "../video/frame.js";
import { adaptiveCuts } from "./adaptive.js";
import type { FrameRange } from "./chunks.js";
import { contentScore } from "./content-score.js";
import { fadeRuns } from "./fades.js";
import { flashFilter } from "./flash-filter.js";
import { rgbToHsv8 } from "./hsv.js";
import { shrink } from "./shrink.js";

export interface DetectScenesOptions {
  /**
   * `content` (default): a frame that differs from the one before by `threshold`. `adaptive`: one that differs by
   * `adaptiveRatio` times as much as its neighbours do, so that fast camera motion is no cut.
   */
  readonly detector?: "content" | "adaptive" | undefined;
  /** A frame whose content score reaches this begins a scene. Default 27; 15 for `adaptive`. */
  readonly threshold?: number | undefined;
  /** `adaptive`: how much larger than the mean of its neighbours a score must be. Default 3. */
  readonly adaptiveRatio?: number | undefined;
  /** `adaptive`: neighbours on each side. Default 2. */
  readonly adaptiveWindow?: number | undefined;
  /** Shortest scene, in frames. Default 15. */
  readonly minSceneFrames?: number | undefined;
  /** Frames are compared at about this width. Default 256. */
  readonly width?: number | undefined;
  /**
   * A jump after which the old picture is back within this many frames is a flash and no cut. Default 0, like
   * PySceneDetect, where a flash in the middle of a scene is one.
   */
  readonly flashFrames?: number | undefined;
  /** Frames whose mean brightness is below this (0 to 255) are black, and a scene ends in the middle of them. Default: not looked for. */
  readonly fadeLevel?: number | undefined;
}

export interface DetectedScenes {
  readonly scenes: readonly FrameRange[];
  /** Content score of every frame against the one before it; the first is 0. */
  readonly scores: readonly number[];
  /** Mean brightness of every frame, 0 to 255. */
  readonly levels: readonly number[];
}

/** Finds cuts. Holds a few small frames and two numbers for each frame, however long the video is. */
export async function detectScenes(
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: DetectScenesOptions = {},
): Promise<DetectedScenes> {
  const { detector = "content", minSceneFrames = 15, width = 256, flashFrames = 0, fadeLevel } = options;
  const { threshold = detector === "content" ? 27 : 15, adaptiveRatio = 3, adaptiveWindow = 2 } = options;
  if (!(threshold > 0)) throw new ConfigError(`threshold is ${threshold}; use a positive number`);
  if (!(adaptiveRatio > 0)) throw new ConfigError(`adaptiveRatio is ${adaptiveRatio}; use a positive number`);
  for (const [name, value] of Object.entries({ minSceneFrames, flashFrames, adaptiveWindow })) {
    if (!Number.isInteger(value) || value < 0) throw new ConfigError(`${name} is ${value}; use an integer from 0`);
  }
  const scores: number[] = [];
  const levels: number[] = [];
  const flashes: FrameRange[] = [];
  /** Jumps that may turn out to be flashes, each with the frame before it. */
  let jumps: { frame: number; before: Uint8Array }[] = [];
  let before: Uint8Array | undefined;
  for await (const frame of frames) {
    const hsv = rgbToHsv8(shrink(frame, width));
    const index = scores.length;
    const score = before === undefined ? 0 : contentScore(before, hsv).score;
    jumps = jumps.filter((jump) => index - jump.frame <= flashFrames);
    const back = jumps.find((jump) => contentScore(jump.before, hsv).score < threshold);
    if (back !== undefined) {
      flashes.push({ start: back.frame, end: index + 1 });
      jumps = [];
    } else if (flashFrames > 0 && before !== undefined && score >= threshold) jumps.push({ frame: index, before });
    scores.push(score);
    levels.push(meanValue(hsv));
    before = hsv;
  }
  if (scores.length === 0) return { scenes: [], scores, levels };
  const calm = withoutFlashes(scores, flashes);
  const jumpsToCut =
    detector === "content"
      ? contentCuts(calm, threshold, minSceneFrames)
      : adaptiveCuts(calm, { threshold, ratio: adaptiveRatio, window: adaptiveWindow, minSceneFrames });
  const black = fadeLevel === undefined ? [] : fadeRuns(levels, { level: fadeLevel });
  const apart = (cut: number): boolean =>
    black.every(({ start, end }) => cut < start - minSceneFrames || cut > end + minSceneFrames);
  const cuts = [...jumpsToCut.filter(apart), ...black.map(({ start, end }) => (start + end) >> 1)];
  const edges = [0, ...cuts.toSorted((a, b) => a - b), scores.length];
  return { scenes: edges.slice(1).map((end, i) => ({ start: edges[i]!, end })), scores, levels };
}

function contentCuts(scores: readonly number[], threshold: number, minSceneFrames: number): number[] {
  const filter = flashFilter({ minSceneFrames });
  return scores.flatMap((score, frame) => filter.next(frame, score >= threshold) ?? []);
}

/** Scores with those of flashes set to 0. */
function withoutFlashes(scores: readonly number[], flashes: readonly FrameRange[]): readonly number[] {
  const calm = [...scores];
  for (const { start, end } of flashes) calm.fill(0, start, end);
  return calm;
}

function meanValue(hsv: Uint8Array): number {
  let sum = 0;
  for (let i = 2; i < hsv.length; i += 3) sum += hsv[i]!;
  return sum / (hsv.length / 3);
}
