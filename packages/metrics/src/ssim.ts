// Structural similarity, as the reference evaluates it: float64, 11 x 11 Gaussian window, valid region only.
// Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
import { ShapeError } from "@noisereel/core";
import type { Metric, VideoTensor } from "@noisereel/core";
import { frameMeanMetric } from "./frame-mean-metric.js";
import { scoreFrames, type FrameSize, type Values } from "./frames.js";

const windowSize = 11;
const sigma = 1.5;
const c1 = 0.01 ** 2;
const c2 = 0.03 ** 2;

/**
 * SSIM of one frame: the mean of the map over the valid region (5 pixels cropped on each side) for each channel, then
 * the mean over the channels. Variances are `E[x^2] - E[x]^2`.
 *
 * @param generated `[height, width, channels]`, values in [0, 1].
 * @param reference the same size.
 * @throws ShapeError when a side is below 11 pixels or the lengths do not fit `size`.
 */
export function frameSsim(generated: Values, reference: Values, size: FrameSize): number {
  const { height, width, channels } = size;
  const length = height * width * channels;
  if (height < windowSize || width < windowSize) {
    throw new ShapeError(`the frame is ${height} x ${width} but SSIM needs at least 11 x 11 pixels; use larger frames`);
  }
  if (generated.length !== length || reference.length !== length) {
    throw new ShapeError(
      `generated has ${generated.length} values and reference ${reference.length} but ${height} x ${width} x ${channels} is ${length}; pass frames of that size`,
    );
  }
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    const plane = (values: Values): Float64Array =>
      Float64Array.from({ length: height * width }, (_, i) => values[i * channels + channel]!);
    sum += planeSsim(plane(generated), plane(reference), height, width);
  }
  return sum / channels;
}

/**
 * SSIM of every frame, `[video][frame]`.
 *
 * @param generated `[B, T, H, W, C]` in [-1, 1]; values outside are clamped.
 * @param reference the same shape.
 */
export function ssim(generated: VideoTensor, reference: VideoTensor): Promise<number[][]> {
  return scoreFrames(generated, reference, frameSsim);
}

/** Mean SSIM over all frames of all videos given to `update`. */
export function ssimMetric(): Metric {
  return frameMeanMetric({ name: "ssim", better: "higher", score: ssim });
}

/** Mean of the SSIM map of two `[H, W]` planes. */
function planeSsim(x: Float64Array, y: Float64Array, height: number, width: number): number {
  const window = gaussianWindow();
  const blur = (of: (i: number) => number): Float64Array => blurValid(of, height, width, window);
  const meanX = blur((i) => x[i]!);
  const meanY = blur((i) => y[i]!);
  const squareX = blur((i) => x[i]! * x[i]!);
  const squareY = blur((i) => y[i]! * y[i]!);
  const product = blur((i) => x[i]! * y[i]!);
  let sum = 0;
  for (let i = 0; i < meanX.length; i++) {
    const mx = meanX[i]!;
    const my = meanY[i]!;
    const varianceX = squareX[i]! - mx * mx;
    const varianceY = squareY[i]! - my * my;
    const covariance = product[i]! - mx * my;
    sum += ((2 * mx * my + c1) * (2 * covariance + c2)) / ((mx * mx + my * my + c1) * (varianceX + varianceY + c2));
  }
  return sum / meanX.length;
}

/** Separable filter over the valid region: `[H, W]` to `[H - 10, W - 10]`. */
function blurValid(
  of: (index: number) => number,
  height: number,
  width: number,
  window: readonly number[],
): Float64Array {
  const outWidth = width - windowSize + 1;
  const outHeight = height - windowSize + 1;
  const rows = new Float64Array(height * outWidth); // [H, W - 10]
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < outWidth; column++) {
      let sum = 0;
      for (let k = 0; k < windowSize; k++) sum += window[k]! * of(row * width + column + k);
      rows[row * outWidth + column] = sum;
    }
  }
  const result = new Float64Array(outHeight * outWidth); // [H - 10, W - 10]
  for (let row = 0; row < outHeight; row++) {
    for (let column = 0; column < outWidth; column++) {
      let sum = 0;
      for (let k = 0; k < windowSize; k++) sum += window[k]! * rows[(row + k) * outWidth + column]!;
      result[row * outWidth + column] = sum;
    }
  }
  return result;
}

function gaussianWindow(): number[] {
  const weights = Array.from({ length: windowSize }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
