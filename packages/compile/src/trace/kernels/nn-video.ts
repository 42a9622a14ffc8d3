// Fused operations on video: causal convolution in time, nearest upsampling.
import type { NamedAttrMap } from "@tensorflow/tfjs";
import type { Permutation } from "../layout.js";
import { splat } from "../symbol.js";
import type { Tracer } from "../tracer.js";
import { convolveFrames, convolveFramesFilterGradient, convolveFramesInputGradient } from "./frames.js";
import type { FramesSpec } from "./frame-sums.js";
import { attribute, input } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";
import { reduce } from "./reduce.js";

function causalSpec(
  xShape: readonly number[], // [B, T, H, W, C]
  filterShape: readonly number[], // [K, kh, kw, C, O]
  attributes: NamedAttrMap,
): FramesSpec {
  const [strideInTime, strideHeight, strideWidth] = attribute<[number, number, number]>(attributes, "strides");
  const [[top, bottom], [left, right]] = attribute<[[number, number], [number, number]]>(attributes, "pad");
  const frames = xShape[1]!;
  const taps = filterShape[0]!;
  return {
    kernel: [filterShape[1]!, filterShape[2]!],
    strides: [strideHeight, strideWidth],
    dilations: [1, 1],
    pads: { top, left, bottom, right },
    groups: 1,
    frames,
    outputFrames: Math.floor((frames - 1) / strideInTime) + 1,
    taps,
    strideInTime,
    // Copies of the first frame stand before it.
    source: (frame, tap) => Math.max(0, frame * strideInTime + tap - (taps - 1)),
  };
}

const conv3dCausal: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const filter = input(inputs, "filter");
  return convolveFrames(tracer, x, filter, inputs["bias"], causalSpec(x.shape, filter.shape, attributes));
};

const conv3dCausalGradient: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const filter = input(inputs, "filter");
  const dy = input(inputs, "dy");
  const spec = causalSpec(x.shape, filter.shape, attributes);
  const size = [x.shape[2]!, x.shape[3]!] as const;
  const dx = attribute<boolean>(attributes, "inputGradient")
    ? convolveFramesInputGradient(tracer, dy, filter, size, spec)
    : splat([], "float32", 0);
  const gradients = [dx, convolveFramesFilterGradient(tracer, x, dy, filter.shape, spec)];
  if (attribute<boolean>(attributes, "bias")) gradients.push(reduce(tracer, "ReduceSum", dy, [0, 1, 2, 3], false));
  return gradients;
};

const IMAGES: Permutation = [0, 3, 1, 2]; // [N, C, H, W]

const upsample: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const factor = attribute<number>(attributes, "factor");
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const scales = tracer.graph.constant("float32", Float32Array.of(1, 1, factor, factor), [4]);
  const edge = tracer.emit(
    "Resize",
    [tracer.edge(x, IMAGES), undefined, scales],
    [batch, channels, height * factor, width * factor],
    { attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" } },
  );
  return tracer.symbol(edge, [batch, height * factor, width * factor, channels], "float32", IMAGES);
};

/** The sum of each square is its average times its size; AveragePool runs on all threads. */
const upsampleGradient: Lowering = (tracer, inputs, attributes) => {
  const dy = input(inputs, "dy");
  const factor = attribute<number>(attributes, "factor");
  const [batch, height, width, channels] = dy.shape as [number, number, number, number];
  const shape = [batch, channels, height / factor, width / factor];
  const average = tracer.emit("AveragePool", [tracer.edge(dy, IMAGES)], shape, {
    attributes: { kernel_shape: { ints: [factor, factor] }, strides: { ints: [factor, factor] } },
  });
  const sum = scaled(tracer, average, factor * factor);
  return tracer.symbol(sum, [batch, height / factor, width / factor, channels], "float32", IMAGES);
};

function scaled(tracer: Tracer, edge: ReturnType<Tracer["edge"]>, factor: number): ReturnType<Tracer["edge"]> {
  return tracer.emit("Mul", [edge, tracer.graph.scalar(factor)], edge.shape);
}

export const videoKernels: KernelTable = {
  "nn.Conv3DCausal": conv3dCausal,
  "nn.Conv3DCausalGrad": conv3dCausalGradient,
  "nn.UpsampleNearest2D": upsample,
  "nn.UpsampleNearest2DGrad": upsampleGradient,
};
