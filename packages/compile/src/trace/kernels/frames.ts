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
import { convolve, convolveFilterGradient, convolveInputGradient, patches, turnFilter, turned } from "./convolution.js";
import {
  FRAMES_LAYOUT,
  mergeFrames,
  outputsOfTaps,
  sourcesOfTaps,
  splitFrames,
  sumFrames,
  tapsOfOutputs,
  usesOfFrames,
} from "./frame-sums.js";
import type { FramesSpec } from "./frame-sums.js";
import { byPieces, readsOneFrame, sumOfTaps } from "./frames-in-place.js";
import { sumRows } from "./reduce.js";

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
  const bytes = 4 * batch * sizeOf(images.shape.slice(3)) * Math.max(filter.channels, filter.outChannels);
  const pieces = { count: spec.outputFrames, bytes };
  if (isStill(spec) || isPlain(spec)) {
    const weights = stillFilter(tracer, filter);
    y = byPieces(tracer, pieces, (start, length) => {
      const some = sumFrames(tracer, images, sourcesOfTaps({ ...spec, taps: 1 }).slice(start, start + length));
      return splitFrames(tracer, convolve(tracer, mergeFrames(tracer, some), weights, biasEdge, spec), batch);
    });
  } else if (filter.fold && tracer.constantWeights && readsOneFrame(spec)) {
    y = sumOfTaps(tracer, images, filter.edge, biasEdge, spec);
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
    y = byPieces(tracer, pieces, (start, length) => {
      const part = {
        ...spec,
        outputFrames: length,
        source: (frame: number, tap: number) => spec.source(start + frame, tap),
      };
      return splitFrames(tracer, convolve(tracer, unfoldFrames(tracer, images, part), weights, biasEdge, part), batch);
    });
  }
  const [, frames, channels, height, width] = y.shape as [number, number, number, number, number];
  return tracer.symbol(y, [batch, frames, height, width, channels], "float32", FRAMES_LAYOUT);
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
