// Convolutions of images, on edges that lie [N, C, H, W] with filters [Cout, Cin / groups, kh, kw].
import type { Edge, GraphNode } from "../../graph/graph.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { sumRows } from "./reduce.js";

export interface ConvolutionSpec {
  readonly kernel: readonly [height: number, width: number];
  readonly strides: readonly [height: number, width: number];
  readonly dilations: readonly [height: number, width: number];
  /** Zeros around the image. */
  readonly pads: { readonly top: number; readonly left: number; readonly bottom: number; readonly right: number };
  readonly groups: number;
}

function attributesOf(spec: ConvolutionSpec): Record<string, GraphNode["attributes"][string]> {
  const { top, left, bottom, right } = spec.pads;
  return {
    kernel_shape: { ints: spec.kernel },
    strides: { ints: spec.strides },
    dilations: { ints: spec.dilations },
    pads: { ints: [top, left, bottom, right] },
    group: BigInt(spec.groups),
  };
}

/** Height and width of a convolution's output. */
export function outputSize(spec: ConvolutionSpec, size: readonly [number, number]): [number, number] {
  const { top, left, bottom, right } = spec.pads;
  const along = (axis: 0 | 1, padding: number): number =>
    Math.floor((size[axis] + padding - reach(spec, axis)) / spec.strides[axis]) + 1;
  return [along(0, top + bottom), along(1, left + right)];
}

export function convolve(
  tracer: Tracer,
  x: Edge, // [N, Cin, H, W]
  filter: Edge, // [Cout, Cin / groups, kh, kw]
  bias: Edge | undefined, // [Cout]
  spec: ConvolutionSpec,
): Edge {
  const [batch, , height, width] = x.shape as [number, number, number, number];
  const inputs = bias === undefined ? [x, filter] : [x, filter, bias];
  return tracer.emit("Conv", inputs, [batch, filter.shape[0]!, ...outputSize(spec, [height, width])], {
    attributes: attributesOf(spec),
  });
}

/**
 * Gradient of a convolution with respect to its input. With stride 1 it is a convolution with the filter turned round,
 * which takes four fifths of the time of ORT's ConvTranspose; ConvTranspose does the rest.
 */
export function convolveInputGradient(
  tracer: Tracer,
  dy: Edge, // [N, Cout, H', W']
  filter: Edge, // [Cout, Cin / groups, kh, kw]
  size: readonly [height: number, width: number],
  spec: ConvolutionSpec,
): Edge {
  const turnedSpec = spec.groups === 1 ? turned(spec, dy, size) : undefined;
  if (turnedSpec !== undefined) {
    return convolve(tracer, dy, turnFilter(tracer, filter, [1, 0, 2, 3]), undefined, turnedSpec);
  }
  const [batch, , height, width] = dy.shape as [number, number, number, number];
  const channels = filter.shape[1]! * spec.groups;
  const { top, left, bottom, right } = spec.pads;
  // The rows that the stride did not reach.
  const rest = [
    size[0] - ((height - 1) * spec.strides[0] + reach(spec, 0) - top - bottom),
    size[1] - ((width - 1) * spec.strides[1] + reach(spec, 1) - left - right),
  ];
  return tracer.emit("ConvTranspose", [dy, filter], [batch, channels, ...size], {
    attributes: { ...attributesOf(spec), output_padding: { ints: rest } },
  });
}

function reach(spec: ConvolutionSpec, axis: 0 | 1): number {
  return (spec.kernel[axis] - 1) * spec.dilations[axis] + 1;
}

/** The convolution of dy that gives dx; undefined when there is none because of strides or unusual padding. */
export function turned(
  spec: ConvolutionSpec,
  dy: Edge, // [..., H', W']
  size: readonly [height: number, width: number],
): ConvolutionSpec | undefined {
  if (spec.strides.some((stride) => stride !== 1)) return undefined;
  const [height, width] = dy.shape.slice(-2) as [number, number];
  const top = reach(spec, 0) - 1 - spec.pads.top;
  const left = reach(spec, 1) - 1 - spec.pads.left;
  const bottom = size[0] - height - top + reach(spec, 0) - 1;
  const right = size[1] - width - left + reach(spec, 1) - 1;
  if (Math.min(top, left, bottom, right) < 0) return undefined;
  return { ...spec, pads: { top, left, bottom, right } };
}

/** A filter [..., kh, kw] with its axes in another order and each image of it turned by half a circle. */
export function turnFilter(tracer: Tracer, filter: Edge, order: readonly number[]): Edge {
  const moved = tracer.transposeEdge(filter, order);
  const [height, width] = moved.shape.slice(-2) as [number, number];
  if (height * width === 1) return moved;
  const images = sizeOf(moved.shape) / (height * width);
  const { graph } = tracer;
  const flat = tracer.reshapeEdge(moved, [images, height * width]);
  const reversed = tracer.emit(
    "Slice",
    [flat, graph.ints([height * width - 1]), graph.ints([-(2 ** 31)]), graph.ints([1]), graph.ints([-1])],
    flat.shape,
  );
  return tracer.reshapeEdge(reversed, moved.shape);
}

/** Every image patch as a column: [N, C, kh * kw, H' * W']. */
export function patches(tracer: Tracer, x: Edge, spec: ConvolutionSpec): Edge {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const taps = sizeOf(spec.kernel);
  const [outHeight, outWidth] = outputSize(spec, [height, width]);
  const shape = [batch, channels, taps, outHeight * outWidth];
  if (taps === 1 && outHeight === height && outWidth === width) return tracer.reshapeEdge(x, shape);
  // A depthwise convolution with one-hot filters gathers the patches on all threads; Slice and Concat use one.
  const oneHot = new Float32Array(channels * taps * taps);
  for (let channel = 0; channel < channels; channel++) {
    for (let tap = 0; tap < taps; tap++) oneHot[(channel * taps + tap) * taps + tap] = 1;
  }
  const filter = tracer.graph.constant("float32", oneHot, [channels * taps, 1, ...spec.kernel]);
  return tracer.reshapeEdge(convolve(tracer, x, filter, undefined, { ...spec, groups: channels }), shape);
}

/** Gradient of a convolution (one group) with respect to its filter: [Cout, Cin, kh, kw]. */
export function convolveFilterGradient(
  tracer: Tracer,
  columns: Edge, // [N, Cin, kh * kw, H' * W']
  dy: Edge, // [N, Cout, H', W']
  spec: ConvolutionSpec,
): Edge {
  const [batch, channels, taps, pixels] = columns.shape as [number, number, number, number];
  const outChannels = dy.shape[1]!;
  const each = tracer.emit(
    "FusedMatMul",
    [
      tracer.reshapeEdge(dy, [batch, outChannels, pixels]),
      tracer.reshapeEdge(columns, [batch, channels * taps, pixels]),
    ],
    [batch, outChannels, channels * taps],
    { domain: "com.microsoft", attributes: { transA: 0n, transB: 1n, alpha: 1 } },
  );
  return tracer.reshapeEdge(sumFirstAxis(tracer, each), [outChannels, channels, ...spec.kernel]);
}

export function sumFirstAxis(tracer: Tracer, x: Edge): Edge {
  const rest = x.shape.slice(1);
  const rows = tracer.reshapeEdge(x, [x.shape[0]!, sizeOf(rest)]);
  return tracer.reshapeEdge(sumRows(tracer, rows), rest);
}
