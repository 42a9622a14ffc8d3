// The reference's resampler: bilinear with aligned corners and antialiasing, separable. Not what sharp, PIL or
// tf.image.resizeBilinear compute. Planes are [H, W, C], row-major.
import { ConfigError } from "@noisereel/core";

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

/** Resamples a picture `[H, W, C]` of any numbers; the result is not rounded. */
export function resample(
  input: ArrayLike<number>, // [H, W, C]
  from: { readonly height: number; readonly width: number },
  to: { readonly height: number; readonly width: number },
  channels = 3,
): Float32Array {
  if (input.length !== from.height * from.width * channels) {
    throw new ConfigError(
      `input has ${input.length} numbers; ${from.width}x${from.height} with ${channels} channels needs ${from.height * from.width * channels}`,
    );
  }
  const narrow = new Float32Array(from.height * to.width * channels); // [H, W', C]
  const columns = resampleTaps(from.width, to.width);
  for (let y = 0; y < from.height; y++) {
    for (let x = 0; x < to.width; x++) {
      const { first, weights } = columns[x]!;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let source = (y * from.width + first) * channels + c;
        for (let tap = 0; tap < weights.length; tap++, source += channels) sum += weights[tap]! * input[source]!;
        narrow[(y * to.width + x) * channels + c] = sum;
      }
    }
  }
  const row = to.width * channels;
  const result = new Float32Array(to.height * row); // [H', W', C]
  resampleTaps(from.height, to.height).forEach(({ first, weights }, y) => {
    for (let tap = 0; tap < weights.length; tap++) {
      const weight = weights[tap]!;
      const source = (first + tap) * row;
      for (let i = 0; i < row; i++) result[y * row + i]! += weight * narrow[source + i]!;
    }
  });
  return result;
}
