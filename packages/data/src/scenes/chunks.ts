// Long scenes in pieces, as Panda-70M cuts them.
import { ConfigError } from "@noisereel/core";

/** Frames from `start` up to, but without, `end`. */
export interface FrameRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Divides scenes, given by the frame after their last, into pieces of `seconds` (default 5). What is left of a scene
 * stays in one piece while it is not longer than `seconds + slackSeconds` (default 2).
 */
export function sceneChunks(
  sceneEnds: readonly number[],
  options: { readonly fps: number; readonly seconds?: number; readonly slackSeconds?: number },
): FrameRange[] {
  const { fps, seconds = 5, slackSeconds = 2 } = options;
  const step = Math.trunc(seconds * fps);
  if (!(step >= 1))
    throw new ConfigError(`fps ${fps} and seconds ${seconds} give pieces without a frame; raise one of them`);
  const chunks: FrameRange[] = [];
  let start = 0;
  for (const end of sceneEnds) {
    while (end - start > (seconds + slackSeconds) * fps) {
      chunks.push({ start, end: start + step });
      start += step;
    }
    chunks.push({ start, end });
    start = end;
  }
  return chunks;
}
