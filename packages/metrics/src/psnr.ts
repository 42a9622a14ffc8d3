// Peak signal-to-noise ratio, as the reference evaluates it: for each frame, over all its pixels and channels.
import { ShapeError } from "@noisereel/core";
import type { Metric, VideoTensor } from "@noisereel/core";
import { scoreFrames, type Values } from "./frames.js";
import { frameMeanMetric } from "./frame-mean-metric.js";

/** Below this mean squared error two frames count as identical. */
const identicalBelow = 1e-10;
/** The score of identical frames, in dB. */
const identicalScore = 100;

/**
 * PSNR of one frame in dB: `20 log10(1 / sqrt(mse))` of values in [0, 1], and 100 when the mean squared error is below
 * 1e-10. Computed in float64; the order of the values does not matter.
 */
export function framePsnr(generated: Values, reference: Values): number {
  if (generated.length !== reference.length || generated.length === 0) {
    throw new ShapeError(
      `generated has ${generated.length} values and reference ${reference.length}; pass two frames of one size`,
    );
  }
  let sum = 0;
  for (let i = 0; i < generated.length; i++) sum += (generated[i]! - reference[i]!) ** 2;
  const meanSquaredError = sum / generated.length;
  return meanSquaredError < identicalBelow ? identicalScore : 20 * Math.log10(1 / Math.sqrt(meanSquaredError));
}

/**
 * PSNR of every frame, `[video][frame]`, in dB.
 *
 * @param generated `[B, T, H, W, C]` in [-1, 1]; values outside are clamped.
 * @param reference the same shape.
 */
export function psnr(generated: VideoTensor, reference: VideoTensor): Promise<number[][]> {
  return scoreFrames(generated, reference, framePsnr);
}

/** Mean PSNR over all frames of all videos given to `update`. */
export function psnrMetric(): Metric {
  return frameMeanMetric({ name: "psnr", better: "higher", score: psnr });
}
