// Pooling in two and three dimensions, and its gradients.
import { backend_util } from "@tensorflow/tfjs";
import type { AvgPool3DAttrs, AvgPoolAttrs, NamedAttrMap } from "@tensorflow/tfjs";
import type { Edge, GraphNode } from "../../graph/graph.js";
import { permuteShape } from "../layout.js";
import type { Permutation } from "../layout.js";
import type { Sym } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import { input } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";
import { scatterFlat } from "./index-ops.js";

interface PoolCase {
  readonly layout: Permutation;
  readonly outShape: readonly number[];
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
}

function poolCase(shape: readonly number[], attributes: NamedAttrMap): PoolCase {
  if (shape.length === 5) {
    const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as AvgPool3DAttrs;
    const info = backend_util.computePool3DInfo(
      [...shape] as [number, number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const { front, back, top, bottom, left, right } = info.padInfo;
    return {
      layout: [0, 4, 1, 2, 3],
      outShape: info.outShape,
      kernel: [info.filterDepth, info.filterHeight, info.filterWidth],
      strides: [info.strideDepth, info.strideHeight, info.strideWidth],
      pads: [front, top, left, back, bottom, right],
    };
  }
  const { filterSize, strides, pad, dimRoundingMode } = attributes as unknown as AvgPoolAttrs;
  const info = backend_util.computePool2DInfo(
    [...shape] as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { top, bottom, left, right } = info.padInfo;
  return {
    layout: [0, 3, 1, 2],
    outShape: info.outShape,
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [top, left, bottom, right],
  };
}

function attributesOf(pool: PoolCase): Record<string, GraphNode["attributes"][string]> {
  return { kernel_shape: { ints: pool.kernel }, strides: { ints: pool.strides }, pads: { ints: pool.pads } };
}

const pool =
  (op: "MaxPool" | "AveragePool"): Lowering =>
  (tracer, inputs, attributes) => {
    const x = input(inputs, "x");
    const info = poolCase(x.shape, attributes);
    const edge = tracer.emit(op, [tracer.edge(x, info.layout)], permuteShape(info.outShape, info.layout), {
      attributes: attributesOf(info),
    });
    return tracer.symbol(edge, info.outShape, x.dtype, info.layout);
  };

/** Each gradient goes to the place that MaxPool's second output names. */
const maxPoolGradient: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "input");
  const info = poolCase(x.shape, attributes);
  const shape = permuteShape(info.outShape, info.layout);
  const indices: Edge = { type: "int64", shape };
  tracer.graph.emitMany("MaxPool", [tracer.edge(x, info.layout)], [{ type: "float32", shape }, indices], {
    attributes: attributesOf(info),
  });
  const flat = scatterFlat(tracer, indices, tracer.edge(input(inputs, "dy"), info.layout), sizeOf(x.shape));
  const edge = tracer.reshapeEdge(flat, permuteShape(x.shape, info.layout));
  return tracer.symbol(edge, x.shape, "float32", info.layout);
};

/** How many elements of the image, not of its padding, each window holds. */
function windowSizes(x: Sym, info: PoolCase): Float32Array {
  const axes = info.layout.slice(2);
  const counts = axes.map((axis, index) => {
    const kernel = info.kernel[index]!;
    return Array.from({ length: info.outShape[axis]! }, (_, position) => {
      const begin = position * info.strides[index]! - info.pads[index]!;
      return Math.min(begin + kernel, x.shape[axis]!) - Math.max(begin, 0);
    });
  });
  const all = counts.reduce<number[]>((sizes, along) => sizes.flatMap((size) => along.map((n) => size * n)), [1]);
  return Float32Array.from(all);
}

/** Spreads dy / window size over each window. tfjs's own cpu kernel divides by the full window even at the edges. */
const averagePoolGradient: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "input");
  const info = poolCase(x.shape, attributes);
  const dy = tracer.edge(input(inputs, "dy"), info.layout); // [N, C, ...]
  const spatial = dy.shape.slice(2);
  const divisor = tracer.graph.constant("float32", windowSizes(x, info), spatial);
  const shares = tracer.emit("Div", [dy, divisor], dy.shape);
  const shape = permuteShape(x.shape, info.layout);
  // One image per channel: a transposed convolution with a filter of ones adds up the overlaps.
  const images = tracer.reshapeEdge(shares, [sizeOf(dy.shape.slice(0, 2)), 1, ...spatial]);
  const ones = new Float32Array(sizeOf(info.kernel)).fill(1);
  const size = shape.slice(2);
  const rank = size.length;
  const rest = size.map(
    (length, axis) =>
      length -
      ((spatial[axis]! - 1) * info.strides[axis]! + info.kernel[axis]! - info.pads[axis]! - info.pads[axis + rank]!),
  );
  const spread = tracer.emit(
    "ConvTranspose",
    [images, tracer.graph.constant("float32", ones, [1, 1, ...info.kernel])],
    [images.shape[0]!, 1, ...size],
    { attributes: { ...attributesOf(info), output_padding: { ints: rest.map((n) => Math.max(0, n)) } } },
  );
  return tracer.symbol(tracer.reshapeEdge(spread, shape), x.shape, "float32", info.layout);
};

export const poolKernels: KernelTable = {
  AvgPool: pool("AveragePool"),
  AvgPool3D: pool("AveragePool"),
  AvgPool3DGrad: averagePoolGradient,
  AvgPoolGrad: averagePoolGradient,
  MaxPool: pool("MaxPool"),
  MaxPool3D: pool("MaxPool"),
  MaxPool3DGrad: maxPoolGradient,
  MaxPoolGrad: maxPoolGradient,
};
