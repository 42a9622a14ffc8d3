// Convolutions over time and space, as convolutions of single frames plus sums of frames.
//
// B batch, T frames, F output frames, K taps in time, C input channels, O output channels.
// A filter [K, kh, kw, C, O] acts in one of two ways, chosen by its size alone, so that every trace of a model keeps it
// in the same layout:
//  - fold: one convolution with all K taps as extra output channels, then each output frame adds up its K taps. The
//    patches of a frame are read once instead of K times;
//  - unfold: each output frame's K source frames become extra input channels of one convolution. Wins when it makes
//    fewer channels, and computes nothing that a stride in time throws away.
import type { Edge } from "../../graph/graph.js";
import type { Permutation } from "../layout.js";
import type { Sym } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import {
  convolve,
  convolveFilterGradient,
  convolveInputGradient,
  outputSize,
  patches,
  turnFilter,
  turned,
} from "./convolution.js";
import type { ConvolutionSpec } from "./convolution.js";
import { sumRows } from "./reduce.js";

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

interface Filter {
  readonly fold: boolean;
  /** fold: [K, O, C, kh, kw]; unfold: [O, K, C, kh, kw]. */
  readonly edge: Edge;
  readonly perm: Permutation;
  readonly channels: number;
  readonly outChannels: number;
}

function filterLayout(shape: readonly number[], spec: FramesSpec): { fold: boolean; perm: Permutation } {
  const [, , , channels, outChannels] = shape as [number, number, number, number, number];
  const fold = spec.strideInTime === 1 && outChannels <= 2 * channels;
  return { fold, perm: fold ? [0, 4, 3, 1, 2] : [4, 0, 3, 1, 2] };
}

function placeFilter(tracer: Tracer, filter: Sym, spec: FramesSpec): Filter {
  const { fold, perm } = filterLayout(filter.shape, spec);
  const [, , , channels, outChannels] = filter.shape as [number, number, number, number, number];
  return { fold, perm, edge: tracer.edge(filter, perm), channels, outChannels };
}

/** All taps read the same frames: the filter's taps can be added up first. Holds for stills. */
function isStill(spec: FramesSpec): boolean {
  if (spec.frames !== 1 || spec.outputFrames !== 1) return false;
  return Array.from({ length: spec.taps }, (_, tap) => spec.source(0, tap)).every((frame) => frame === 0);
}

function isPlain(spec: FramesSpec): boolean {
  if (spec.taps !== 1 || spec.frames !== spec.outputFrames) return false;
  return Array.from({ length: spec.frames }, (_, frame) => spec.source(frame, 0)).every((f, frame) => f === frame);
}

/** The filter with its taps added up: [O, C, kh, kw]. */
function stillFilter(tracer: Tracer, filter: Filter): Edge {
  const axis = filter.fold ? 0 : 1;
  const shape = filter.edge.shape.toSpliced(axis, 1);
  const [outer, taps] = [sizeOf(filter.edge.shape.slice(0, axis)), filter.edge.shape[axis]!];
  const rows = tracer.reshapeEdge(filter.edge, [outer, taps, sizeOf(filter.edge.shape.slice(axis + 1))]);
  return tracer.reshapeEdge(sumRows(tracer, rows), shape);
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
function usesOfFrames(spec: FramesSpec): number[][] {
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
function sourcesOfTaps(spec: FramesSpec): number[][] {
  return Array.from({ length: spec.outputFrames * spec.taps }, (_, index) => {
    const source = spec.source(Math.floor(index / spec.taps), index % spec.taps);
    return source === undefined ? [] : [source];
  });
}

/** Rows of `sumFrames`: the (frame, tap) pairs, counted frame first, that each output frame adds up. */
function tapsOfOutputs(spec: FramesSpec): number[][] {
  return Array.from({ length: spec.outputFrames }, (_, frame) =>
    Array.from({ length: spec.taps }, (_, tap) => ({ source: spec.source(frame, tap), tap }))
      .filter(({ source }) => source !== undefined)
      .map(({ source, tap }) => source! * spec.taps + tap),
  );
}

/** Rows of `sumFrames`: the output frames that each (frame, tap) pair feeds. */
function outputsOfTaps(spec: FramesSpec): number[][] {
  const rows: number[][] = Array.from({ length: spec.frames * spec.taps }, () => []);
  for (const [output, taps] of tapsOfOutputs(spec).entries()) for (const index of taps) rows[index]!.push(output);
  return rows;
}

function mergeFrames(tracer: Tracer, x: Edge): Edge {
  const [batch, frames, ...rest] = x.shape as [number, number, ...number[]];
  return tracer.reshapeEdge(x, [batch * frames, ...rest]);
}

function splitFrames(tracer: Tracer, x: Edge, batch: number): Edge {
  const [images, ...rest] = x.shape as [number, ...number[]];
  return tracer.reshapeEdge(x, [batch, images / batch, ...rest]);
}

/** y [B, F, H', W', O]. A bias is added to every output frame once. */
export function convolveFrames(
  tracer: Tracer,
  x: Sym, // [B, T, H, W, C]
  filterSym: Sym, // [K, kh, kw, C, O]
  bias: Sym | undefined, // [O]
  spec: FramesSpec,
): Sym {
  const batch = x.shape[0]!;
  const filter = placeFilter(tracer, filterSym, spec);
  const { taps } = spec;
  const images = tracer.edge(x, FRAMES_LAYOUT); // [B, T, C, H, W]
  const biasEdge = bias === undefined ? undefined : tracer.edge(bias);
  let y: Edge; // [B, F, O, H', W']
  if (isStill(spec) || isPlain(spec)) {
    y = convolve(tracer, mergeFrames(tracer, images), stillFilter(tracer, filter), biasEdge, spec);
    y = splitFrames(tracer, y, batch);
  } else if (filter.fold && tracer.constantWeights && readsOneFrame(spec)) {
    y = sumOfTaps(tracer, images, filter, biasEdge, spec);
  } else if (filter.fold) {
    const weights = mergeFrames(tracer, filter.edge); // [K * O, C, kh, kw]
    // The last tap is read exactly once by every output frame, so the bias rides on it.
    const padded = biasEdge && lastTapBias(tracer, biasEdge, taps);
    const all = splitFrames(tracer, convolve(tracer, mergeFrames(tracer, images), weights, padded, spec), batch);
    const [, frames, , height, width] = all.shape as [number, number, number, number, number];
    const byTap = tracer.reshapeEdge(all, [batch, frames * taps, filter.outChannels, height, width]);
    y = sumFrames(tracer, byTap, tapsOfOutputs(spec));
  } else {
    const weights = mergeChannels(tracer, filter.edge); // [O, K * C, kh, kw]
    y = splitFrames(tracer, convolve(tracer, unfoldFrames(tracer, images, spec), weights, biasEdge, spec), batch);
  }
  const [, frames, channels, height, width] = y.shape as [number, number, number, number, number];
  return tracer.symbol(y, [batch, frames, height, width, channels], "float32", FRAMES_LAYOUT);
}

/** No tap reads zeros. */
function readsOneFrame(spec: FramesSpec): boolean {
  return sourcesOfTaps(spec).every((sources) => sources.length === 1);
}

/** Bytes of a result that is made at a time: what ONNX Runtime holds besides, in blocks of channels, is as large again. */
const pieceBytes = 2 ** 23;

/** Output frames that read their sources in the same way. */
interface Piece {
  readonly start: number;
  readonly length: number;
  /** The taps of each convolution, in one sum where they read the same frame. Latest taps first. */
  readonly taps: readonly (readonly number[])[];
}

/**
 * One convolution a tap, each added to the ones before, for a few output frames at a time. With constant filters ONNX
 * Runtime adds in place while it convolves, so that one result exists, where a folded convolution makes one for each tap.
 * Taps that read the same frame, as those before the first frame do, are added up beforehand.
 */
function sumOfTaps(
  tracer: Tracer,
  images: Edge, // [B, T, C, H, W]
  filter: Filter, // folded
  bias: Edge | undefined,
  spec: FramesSpec,
): Edge {
  const [batch, , , ...size] = images.shape as [number, number, number, number, number];
  const weights = Array.from({ length: spec.taps }, (_, tap) => pickTap(tracer, filter.edge, tap));
  const frameBytes = 4 * batch * filter.outChannels * sizeOf(outputSize(spec, size));
  const pieces = piecesOf(spec, Math.max(1, Math.floor(pieceBytes / frameBytes)));
  const results = pieces.map(({ start, length, taps }) => {
    let sum: Edge | undefined;
    for (const together of taps) {
      const rows = Array.from({ length }, (_, frame) => [spec.source(start + frame, together[0]!)!]);
      const read = mergeFrames(tracer, sumFrames(tracer, images, rows));
      const weight = together.map((tap) => weights[tap]!).reduce((a, b) => tracer.emit("Add", [a, b], a.shape));
      const part = convolve(tracer, read, weight, sum === undefined ? bias : undefined, spec);
      sum = sum === undefined ? part : tracer.emit("Add", [part, sum], part.shape);
    }
    return splitFrames(tracer, sum!, batch);
  });
  return concatFrames(tracer, results);
}

/** Frames whose taps share sources by themselves, the others in runs of nearly equal length, none above `longest`. */
function piecesOf(spec: FramesSpec, longest: number): Piece[] {
  const pieces: Piece[] = [];
  let run = 0;
  const endRun = (end: number): void => {
    const taps = Array.from({ length: spec.taps }, (_, tap) => [spec.taps - 1 - tap]);
    for (const { start, length } of pieceLengths(run, longest)) {
      pieces.push({ start: end - run + start, length, taps });
    }
    run = 0;
  };
  for (let frame = 0; frame < spec.outputFrames; frame++) {
    const bySource = new Map<number, number[]>();
    for (let tap = spec.taps - 1; tap >= 0; tap--) {
      const source = spec.source(frame, tap)!;
      bySource.set(source, [...(bySource.get(source) ?? []), tap]);
    }
    if (bySource.size === spec.taps) run++;
    else {
      endRun(frame);
      pieces.push({ start: frame, length: 1, taps: [...bySource.values()] });
    }
  }
  endRun(spec.outputFrames);
  return pieces;
}

/** Splits `total` into pieces of nearly equal length, none longer than `longest`. */
function pieceLengths(total: number, longest: number): { readonly start: number; readonly length: number }[] {
  const count = Math.ceil(total / longest);
  const starts = Array.from({ length: count + 1 }, (_, piece) => Math.round((piece * total) / count));
  return starts.slice(0, -1).map((start, piece) => ({ start, length: starts[piece + 1]! - start }));
}

function concatFrames(tracer: Tracer, pieces: readonly Edge[]): Edge {
  if (pieces.length === 1) return pieces[0]!;
  const frames = pieces.reduce((sum, { shape }) => sum + shape[1]!, 0);
  return tracer.emit("Concat", pieces, pieces[0]!.shape.with(1, frames), { attributes: { axis: 1n } });
}

/** [K, O, C, kh, kw] -> [O, C, kh, kw] */
function pickTap(tracer: Tracer, filter: Edge, tap: number): Edge {
  const index = tracer.graph.constant("int64", BigInt64Array.of(BigInt(tap)), []);
  return tracer.emit("Gather", [filter, index], filter.shape.slice(1), { attributes: { axis: 0n } });
}

function lastTapBias(tracer: Tracer, bias: Edge, taps: number): Edge {
  const channels = bias.shape[0]!;
  const zeros = tracer.graph.constant("float32", new Float32Array((taps - 1) * channels), [(taps - 1) * channels]);
  return tracer.emit("Concat", [zeros, bias], [taps * channels], { attributes: { axis: 0n } });
}

function mergeChannels(tracer: Tracer, filter: Edge): Edge {
  const [out, taps, channels, height, width] = filter.shape as [number, number, number, number, number];
  return tracer.reshapeEdge(filter, [out, taps * channels, height, width]);
}

/** [B, T, C, H, W] -> [B * F, K * C, H, W]: the source frames of every output frame side by side. */
function unfoldFrames(tracer: Tracer, images: Edge, spec: FramesSpec): Edge {
  const [batch, , channels, height, width] = images.shape as [number, number, number, number, number];
  const picked = sumFrames(tracer, images, sourcesOfTaps(spec));
  return tracer.reshapeEdge(picked, [batch * spec.outputFrames, spec.taps * channels, height, width]);
}

/** Gradients of `convolveFrames`: dx [B, T, H, W, C]. */
export function convolveFramesInputGradient(
  tracer: Tracer,
  dySym: Sym, // [B, F, H', W', O]
  filterSym: Sym, // [K, kh, kw, C, O]
  size: readonly [height: number, width: number],
  spec: FramesSpec,
): Sym {
  const batch = dySym.shape[0]!;
  const filter = placeFilter(tracer, filterSym, spec);
  const dy = tracer.edge(dySym, FRAMES_LAYOUT); // [B, F, O, H', W']
  let dx: Edge; // [B, T, C, H, W]
  if (isStill(spec) || isPlain(spec)) {
    dx = convolveInputGradient(tracer, mergeFrames(tracer, dy), stillFilter(tracer, filter), size, spec);
    dx = splitFrames(tracer, dx, batch);
  } else {
    const { taps, outputFrames } = spec;
    const turnedSpec = turned(spec, dy, size);
    let each: Edge; // [B * F, K * C, H, W]: what every output frame says about its K sources
    if (turnedSpec !== undefined) {
      const weights = turnFilter(tracer, filter.edge, filter.fold ? [0, 2, 1, 3, 4] : [1, 2, 0, 3, 4]); // [K, C, O, ...]
      each = convolve(tracer, mergeFrames(tracer, dy), mergeFrames(tracer, weights), undefined, turnedSpec);
    } else {
      const byOutput = filter.fold ? tracer.transposeEdge(filter.edge, [1, 0, 2, 3, 4]) : filter.edge; // [O, K, C, ...]
      each = convolveInputGradient(tracer, mergeFrames(tracer, dy), mergeChannels(tracer, byOutput), size, spec);
    }
    const byTap = tracer.reshapeEdge(each, [batch, outputFrames * taps, filter.channels, ...size]);
    dx = sumFrames(tracer, byTap, usesOfFrames(spec));
  }
  const shape = [batch, spec.frames, ...size, filter.channels];
  return tracer.symbol(dx, shape, "float32", FRAMES_LAYOUT);
}

/** [B, F, O, H', W'] -> [B * T, K * O, H', W']: for every frame and tap, the gradients of the outputs it fed. */
function foldGradient(tracer: Tracer, dy: Edge, spec: FramesSpec): Edge {
  const [batch, , channels, height, width] = dy.shape as [number, number, number, number, number];
  const spread = sumFrames(tracer, dy, outputsOfTaps(spec));
  return tracer.reshapeEdge(spread, [batch * spec.frames, spec.taps * channels, height, width]);
}

/** Gradient with respect to the filter [K, kh, kw, C, O], in the layout that the filter itself has. */
export function convolveFramesFilterGradient(
  tracer: Tracer,
  x: Sym, // [B, T, H, W, C]
  dySym: Sym, // [B, F, H', W', O]
  filterShape: readonly number[],
  spec: FramesSpec,
): Sym {
  const { fold, perm } = filterLayout(filterShape, spec);
  const [taps, , , channels, outChannels] = filterShape as [number, number, number, number, number];
  const images = tracer.edge(x, FRAMES_LAYOUT);
  const dy = tracer.edge(dySym, FRAMES_LAYOUT);
  const layout = (edge: Edge): Sym => tracer.symbol(edge, filterShape, "float32", perm);
  if (isStill(spec) || isPlain(spec)) {
    const columns = patches(tracer, mergeFrames(tracer, images), spec);
    const still = convolveFilterGradient(tracer, columns, mergeFrames(tracer, dy), spec); // [O, C, kh, kw]
    const axis = fold ? 0 : 1;
    // Every tap saw the same frame, so every tap has the same gradient.
    return layout(tracer.reshapeEdge(still, still.shape.toSpliced(axis, 0, 1)));
  }
  if (fold) {
    const columns = patches(tracer, mergeFrames(tracer, images), spec);
    const gradient = convolveFilterGradient(tracer, columns, foldGradient(tracer, dy, spec), spec);
    return layout(tracer.reshapeEdge(gradient, [taps, outChannels, channels, ...spec.kernel]));
  }
  const columns = patches(tracer, unfoldFrames(tracer, images, spec), spec);
  const gradient = convolveFilterGradient(tracer, columns, mergeFrames(tracer, dy), spec);
  return layout(tracer.reshapeEdge(gradient, [outChannels, taps, channels, ...spec.kernel]));
}
