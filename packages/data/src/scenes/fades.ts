// Fades through black: scenes that end without a jump.
import { ConfigError } from "@noisereel/core";
import type { FrameRange } from "./chunks.js";

/** Runs of frames darker than `level` (mean brightness, 0 to 255) that have brighter frames on both sides. */
export function fadeRuns(levels: readonly number[], options: { readonly level: number }): FrameRange[] {
  const { level } = options;
  if (!(level > 0 && level < 255)) throw new ConfigError(`fadeLevel is ${level}; use a brightness between 0 and 255`);
  const runs: FrameRange[] = [];
  let start: number | undefined;
  levels.forEach((value, frame) => {
    if (value < level) start ??= frame;
    else {
      if (start !== undefined && start > 0) runs.push({ start, end: frame });
      start = undefined;
    }
  });
  return runs;
}
