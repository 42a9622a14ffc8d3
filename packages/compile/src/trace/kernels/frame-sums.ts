// Clips as images: which frames the taps of a convolution over time read, and sums of frames.
import type { Edge } from "../../graph/graph.js";
import type { Permutation } from "../layout.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import type { ConvolutionSpec } from "./convolution.js";

/** Frames lie [B, T, C, H, W]. */
export const FRAMES_LAYOUT: Permutation = [0, 1, 4, 2, 3];

export interface FramesSpec extends ConvolutionSpec {
  readonly frames: number;
  readonly outputFrames: number;
  readonly taps: number;
  readonly strideInTime: number;
  /** The frame that tap k of output frame f reads; undefined reads zeros. */
  readonly source: (outputFrame: number, tap: number) => number | undefined;
}

/**
 * Sums of frames: output frame i is the sum of the frames `rows[i]` of x [B, T, ...]. With one source each it is a
 * Gather, otherwise a product with a matrix of zeros and ones: one pass over memory on all threads.
 */
export function sumFrames(tracer: Tracer, x: Edge, rows: readonly (readonly number[])[]): Edge {
  const [batch, frames, ...rest] = x.shape as [number, number, ...number[]];
  const shape = [batch, rows.length, ...rest];
  if (rows.every((sources) => sources.length === 1)) {
    const picked = rows.map((sources) => sources[0]!);
    if (picked.length === frames && picked.every((frame, index) => frame === index)) return x;
    return tracer.emit("Gather", [x, tracer.graph.ints(picked)], shape, { attributes: { axis: 1n } });
  }
  const matrix = new Float32Array(rows.length * frames);
  for (const [row, sources] of rows.entries()) {
    for (const frame of sources) matrix[row * frames + frame]! += 1;
  }
  const product = tracer.emit(
    "MatMul",
    [
      tracer.graph.constant("float32", matrix, [rows.length, frames]),
      tracer.reshapeEdge(x, [batch, frames, sizeOf(rest)]),
    ],
    [batch, rows.length, sizeOf(rest)],
  );
  return tracer.reshapeEdge(product, shape);
}

/** Rows of `sumFrames`: which (output frame, tap) pairs, counted output frame first, each frame feeds. */
export function usesOfFrames(spec: FramesSpec): number[][] {
  const uses: number[][] = Array.from({ length: spec.frames }, () => []);
  for (let frame = 0; frame < spec.outputFrames; frame++) {
    for (let tap = 0; tap < spec.taps; tap++) {
      const source = spec.source(frame, tap);
      if (source !== undefined) uses[source]!.push(frame * spec.taps + tap);
    }
  }
  return uses;
}

/** Rows of `sumFrames`: the frame each (output frame, tap) pair reads. */
export function sourcesOfTaps(spec: FramesSpec): number[][] {
  return Array.from({ length: spec.outputFrames * spec.taps }, (_, index) => {
    const source = spec.source(Math.floor(index / spec.taps), index % spec.taps);
    return source === undefined ? [] : [source];
  });
}

/** Rows of `sumFrames`: the (frame, tap) pairs, counted frame first, that each output frame adds up. */
export function tapsOfOutputs(spec: FramesSpec): number[][] {
  return Array.from({ length: spec.outputFrames }, (_, frame) =>
    Array.from({ length: spec.taps }, (_, tap) => ({ source: spec.source(frame, tap), tap }))
      .filter(({ source }) => source !== undefined)
      .map(({ source, tap }) => source! * spec.taps + tap),
  );
}

/** Rows of `sumFrames`: the output frames that each (frame, tap) pair feeds. */
export function outputsOfTaps(spec: FramesSpec): number[][] {
  const rows: number[][] = Array.from({ length: spec.frames * spec.taps }, () => []);
  for (const [output, taps] of tapsOfOutputs(spec).entries()) for (const index of taps) rows[index]!.push(output);
  return rows;
}

export function mergeFrames(tracer: Tracer, x: Edge): Edge {
  const [batch, frames, ...rest] = x.shape as [number, number, ...number[]];
  return tracer.reshapeEdge(x, [batch * frames, ...rest]);
}

export function splitFrames(tracer: Tracer, x: Edge, batch: number): Edge {
  const [images, ...rest] = x.shape as [number, ...number[]];
  return tracer.reshapeEdge(x, [batch, images / batch, ...rest]);
}
