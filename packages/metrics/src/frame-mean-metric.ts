// A metric that is the plain mean of one score per frame.
import { ConfigError } from "@noisereel/core";
import type { Metric, VideoTensor } from "@noisereel/core";
import type { FrameScores } from "./frames.js";

export interface FrameMeanMetricOptions {
  readonly name: string;
  readonly better: Metric["better"];
  /** The score of each frame, `[video][frame]`, of two `[B, T, H, W, 3]` videos in [-1, 1]. */
  readonly score: (generated: VideoTensor, reference: VideoTensor) => Promise<FrameScores>;
}

/** Averages `score` over every frame that `update` has seen, so a small last batch weighs only what it holds. */
export function frameMeanMetric(options: FrameMeanMetricOptions): Metric {
  let sum = 0;
  let count = 0;
  return {
    name: options.name,
    better: options.better,
    async update(generated, reference) {
      for (const score of (await options.score(generated, reference)).flat()) {
        sum += score;
        count += 1;
      }
    },
    compute() {
      if (count === 0) throw new ConfigError(`${options.name} has seen no frame; call update before compute`);
      return sum / count;
    },
    reset() {
      sum = 0;
      count = 0;
    },
  };
}
