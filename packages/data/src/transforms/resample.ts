// The reference's resampler: PyTorch's antialiased bilinear kernel with align_corners, separable. Not what sharp, PIL or
// tf.image.resizeBilinear compute. Planes are [H, W, C], row-major.
import { ConfigError } from "@noisereel/core";
import type { Size } from "./crop.js";

/** The taps of one output position. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

/** For every output position the input positions it mixes, and how much of each. Weights sum to 1. */
export function resampleTaps(inputSize: number, outputSize: number): readonly Taps[] {
  for (const [name, value] of Object.entries({ inputSize, outputSize })) {
    if (!Number.isInteger(value) || value < 1) throw new ConfigError(`${name} is ${value}; use a positive integer`);
  }
  const scale = outputSize === 1 ? 0 : (inputSize - 1) / (outputSize - 1);
  const support = Math.max(scale, 1);
  return Array.from({ length: outputSize }, (_, position) => {
    // PyTorch's antialiased kernel takes the step of aligned corners but half-pixel centres; both are part of parity.
    const center = (position + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(inputSize, Math.trunc(center + support + 0.5));
    const weights = Float64Array.from({ length: end - first }, (_, tap) =>
      Math.max(0, 1 - Math.abs(first + tap + 0.5 - center) / support),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Makes the function that resamples pictures `[H, W, C]` of one size to another. Results are not rounded. */
export function createResampler(options: {
  readonly from: Size;
  readonly to: Size;
  /** Default 3. */
  readonly channels?: number | undefined;
}): (input: ArrayLike<number>) => Float32Array {
  const { from, to, channels = 3 } = options;
  const rows = resampleTaps(from.height, to.height);
  const columns = resampleTaps(from.width, to.width);
  const length = from.height * from.width * channels;
  const inputRow = from.width * channels;
  return (input) => {
    if (input.length !== length) {
      throw new ConfigError(
        `input has ${input.length} numbers; ${from.width}x${from.height} with ${channels} channels needs ${length}`,
      );
    }
    const low = new Float32Array(inputRow); // one output row, still as wide as the input
    const result = new Float32Array(to.height * to.width * channels); // [H', W', C]
    const resampleRow = channels === 3 ? threeChannels : anyChannels;
    rows.forEach(({ first, weights }, row) => {
      low.fill(0);
      for (let tap = 0; tap < weights.length; tap++) addRow(low, input, (first + tap) * inputRow, weights[tap]!);
      resampleRow(low, columns, result, row * to.width * channels, channels);
    });
    return result;
  };
}

// The loops are functions of their own so that each is compiled for the arrays it meets.

function addRow(low: Float32Array, input: ArrayLike<number>, from: number, weight: number): void {
  for (let i = 0; i < low.length; i++) low[i] = low[i]! + weight * input[from + i]!;
}

type Columns = readonly { readonly first: number; readonly weights: Float64Array }[];

function threeChannels(low: Float32Array, columns: Columns, result: Float32Array, target: number): void {
  for (let x = 0, at = target; x < columns.length; x++, at += 3) {
    const { first, weights } = columns[x]!;
    let [red, green, blue] = [0, 0, 0];
    for (let tap = 0, source = first * 3; tap < weights.length; tap++, source += 3) {
      const weight = weights[tap]!;
      red += weight * low[source]!;
      green += weight * low[source + 1]!;
      blue += weight * low[source + 2]!;
    }
    result[at] = red;
    result[at + 1] = green;
    result[at + 2] = blue;
  }
}

function anyChannels(
  low: Float32Array,
  columns: Columns,
  result: Float32Array,
  target: number,
  channels: number,
): void {
  let at = target;
  for (const { first, weights } of columns) {
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let tap = 0, source = first * channels + c; tap < weights.length; tap++, source += channels) {
        sum += weights[tap]! * low[source]!;
      }
      result[at++] = sum;
    }
  }
}
