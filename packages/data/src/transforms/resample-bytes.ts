// The reference's resampler on the bytes of whole clips: what `createResampler` gives, rounded, by WebAssembly in float32.
import type { Clip } from "@noisereel/core";
import { withPixels } from "../clip.js";
import { growMemory, resampleKernels } from "../wasm/resample-kernels.js";
import type { Rectangle, Size } from "./crop.js";
import { resampleTaps } from "./resample.js";

/** Cuts `rectangle` out of every frame and scales it to `to`. */
export function resampleClip(clip: Clip, rectangle: Rectangle, to: Size): Clip {
  const { memory, mixRows, mixColumns } = resampleKernels();
  const rows = evenTaps(rectangle.height, to.height);
  const columns = evenTaps(rectangle.width, to.width);
  const [stride, frameBytes, width] = [clip.width * 3, to.height * to.width * 3, rectangle.width * 3];
  const copied = rectangle.height * stride; // the rows of the rectangle, with what lies beside it
  const place = places();
  const at = {
    rowWeights: place(4 * rows.weights.length),
    columnWeights: place(4 * columns.weights.length),
    columnStarts: place(4 * to.width),
    low: place(4 * (width + 16)), // one output row, still as wide as the rectangle
    target: place(frameBytes + 4),
    source: place(copied + 16),
  };
  growMemory(memory, place(0));
  new Float32Array(memory.buffer, at.rowWeights).set(rows.weights);
  new Float32Array(memory.buffer, at.columnWeights).set(columns.weights);
  new Int32Array(memory.buffer, at.columnStarts).set(columns.firsts.map((first) => first * 12)); // RGB of float32
  const bytes = new Uint8Array(memory.buffer);
  const pixels = new Uint8Array(clip.frames * frameBytes); // [T, H', W', 3]
  for (let frame = 0; frame < clip.frames; frame++) {
    const corner = (frame * clip.height + rectangle.top) * stride;
    bytes.set(clip.pixels.subarray(corner, corner + copied), at.source);
    for (let row = 0; row < to.height; row++) {
      const source = at.source + rows.firsts[row]! * stride + rectangle.left * 3;
      mixRows(source, stride, at.rowWeights + 4 * row * rows.taps, rows.taps, at.low, width);
      const target = at.target + row * to.width * 3;
      mixColumns(at.low, at.columnStarts, at.columnWeights, columns.taps, target, to.width);
    }
    pixels.set(bytes.subarray(at.target, at.target + frameBytes), frame * frameBytes);
  }
  return withPixels(clip, pixels, to);
}

interface EvenTaps {
  /** Taps of each position. */
  readonly taps: number;
  /** First input of each position. */
  readonly firsts: Int32Array;
  /** `taps` weights for each position. */
  readonly weights: Float32Array;
}

/** The taps of `resampleTaps`, filled up with weights of zero so that all positions have as many. */
function evenTaps(from: number, to: number): EvenTaps {
  const uneven = resampleTaps(from, to);
  const taps = Math.max(...uneven.map(({ weights }) => weights.length));
  const firsts = new Int32Array(to);
  const weights = new Float32Array(to * taps);
  uneven.forEach((tap, position) => {
    const first = Math.min(tap.first, from - taps); // what is filled up must lie within the picture
    firsts[position] = first;
    weights.set(tap.weights, position * taps + tap.first - first);
  });
  return { taps, firsts, weights };
}

/** Hands out addresses of pieces of memory, multiples of 16. */
function places(): (bytes: number) => number {
  let next = 0;
  return (bytes) => {
    const address = next;
    next += Math.ceil(bytes / 16) * 16;
    return address;
  };
}
