// Convolutions over time with constant filters.
import type { Edge } from "../../graph/graph.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { convolve, outputSize } from "./convolution.js";
import { mergeFrames, sourcesOfTaps, splitFrames, sumFrames } from "./frame-sums.js";
import type { FramesSpec } from "./frame-sums.js";

/** No tap reads zeros. */
export function readsOneFrame(spec: FramesSpec): boolean {
  return sourcesOfTaps(spec).every((sources) => sources.length === 1);
}

/** Bytes of a result that is made at a time: what ONNX Runtime holds besides, in blocks of channels, is as large again. */
const pieceBytes = 2 ** 23;

/** Results from this size on are made in pieces whatever the convolution. */
const wholeBytes = 2 ** 26;

/** A convolution of a few output frames at a time where the whole would be large, as far as constant filters make that free. */
export function byPieces(
  tracer: Tracer,
  frames: { readonly count: number; readonly bytes: number },
  convolveSome: (start: number, length: number) => Edge, // [B, length, O, H', W']
): Edge {
  const { count, bytes } = frames;
  const whole = !tracer.constantWeights || count * bytes < wholeBytes;
  const pieces = pieceLengths(count, whole ? count : Math.max(1, Math.floor(pieceBytes / bytes)));
  return concatFrames(
    tracer,
    pieces.map(({ start, length }) => convolveSome(start, length)),
  );
}

/** Output frames that read their sources in the same way. */
interface Piece {
  readonly start: number;
  readonly length: number;
  /** The taps of each convolution: all in one where they read the same frame, otherwise one each, the latest first. */
  readonly taps: readonly (readonly number[])[];
}

/**
 * One convolution a tap, each added to the ones before, for a few output frames at a time. With constant filters ONNX
 * Runtime adds in place while it convolves, so that one result exists, where a folded convolution makes one for each tap.
 * Where all taps read the same frame, as those of the first frame do, they are added up beforehand.
 */
export function sumOfTaps(
  tracer: Tracer,
  images: Edge, // [B, T, C, H, W]
  filter: Edge, // [K, O, C, kh, kw]
  bias: Edge | undefined,
  spec: FramesSpec,
): Edge {
  const [batch, , , ...size] = images.shape as [number, number, number, number, number];
  const weights = Array.from({ length: spec.taps }, (_, tap) => pickTap(tracer, filter, tap));
  const frameBytes = 4 * batch * filter.shape[1]! * sizeOf(outputSize(spec, size));
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

/**
 * Frames whose taps all read one frame by themselves, the others in runs of nearly equal length, none above `longest`. A sum
 * of filters for every way to share a source would cost as much memory as it saves time.
 */
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
    const sources = new Set(Array.from({ length: spec.taps }, (_, tap) => spec.source(frame, tap)));
    if (spec.taps === 1 || sources.size > 1) run++;
    else {
      endRun(frame);
      pieces.push({ start: frame, length: 1, taps: [Array.from({ length: spec.taps }, (_, tap) => tap)] });
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
