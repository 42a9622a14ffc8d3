// tfjs's convolution kernels.
import { backend_util } from "@tensorflow/tfjs";
import type { Conv2DAttrs, Conv3DAttrs, NamedAttrMap } from "@tensorflow/tfjs";
import type { Edge } from "../../graph/graph.js";
import { identity } from "../layout.js";
import type { Permutation } from "../layout.js";
import type { Sym } from "../symbol.js";
import type { Tracer } from "../tracer.js";
import { add } from "./arithmetic.js";
import {
  convolve,
  convolveFilterGradient,
  convolveInputGradient,
  outputSize,
  patches,
  sumFirstAxis,
} from "./convolution.js";
import type { ConvolutionSpec } from "./convolution.js";
import { activate } from "./elementwise.js";
import { convolveFrames, convolveFramesFilterGradient, convolveFramesInputGradient } from "./frames.js";
import type { FramesSpec } from "./frame-sums.js";
import { attribute, input } from "./kernel.js";
import type { KernelInputs, KernelTable, Lowering } from "./kernel.js";

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

const NHWC: Permutation = [0, 3, 1, 2];
/** [kh, kw, Cin, Cout] -> [Cout, Cin, kh, kw] */
const FILTER: Permutation = [3, 2, 0, 1];
/** [kh, kw, C, multiplier] -> [C, multiplier, kh, kw] */
const DEPTHWISE_FILTER: Permutation = [2, 3, 0, 1];

interface Conv2dCase {
  readonly spec: ConvolutionSpec;
  /** Where the image's axes are: channels last or first. */
  readonly layout: Permutation;
  readonly info: backend_util.Conv2DInfo;
}

function conv2dCase(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: NamedAttrMap,
  depthwise: boolean,
): Conv2dCase {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attributes as unknown as Conv2DAttrs;
  const first = dataFormat === "NCHW" && !depthwise;
  const info = backend_util.computeConv2DInfo(
    [...inputShape] as Shape4,
    [...filterShape] as Shape4,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    first ? "channelsFirst" : "channelsLast",
  );
  const { top, left, bottom, right } = info.padInfo;
  const spec: ConvolutionSpec = {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: { top, left, bottom, right },
    groups: depthwise ? info.inChannels : 1,
  };
  const [height, width] = outputSize(spec, [info.inHeight, info.inWidth]);
  if (height !== info.outHeight || width !== info.outWidth) {
    throw new Error(
      `tfjs gives this convolution a ${info.outHeight}x${info.outWidth} output where its filter makes ${height}x${width} ` +
        `(tfjs takes the filter's height for its width when the padding is a number): pass the padding of each side`,
    );
  }
  return { spec, layout: first ? identity(4) : NHWC, info };
}

const conv2d: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const filter = input(inputs, "filter");
  const { spec, layout, info } = conv2dCase(x.shape, filter.shape, attributes, false);
  const edge = convolve(tracer, tracer.edge(x, layout), tracer.edge(filter, FILTER), undefined, spec);
  return tracer.symbol(edge, info.outShape, "float32", layout);
};

const conv2dInput: Lowering = (tracer, inputs, attributes) => {
  const filter = input(inputs, "filter");
  const shape = attribute<Shape4>(attributes, "inputShape");
  const { spec, layout, info } = conv2dCase(shape, filter.shape, attributes, false);
  const dy = tracer.edge(input(inputs, "dy"), layout);
  const size = [info.inHeight, info.inWidth] as const;
  const edge = convolveInputGradient(tracer, dy, tracer.edge(filter, FILTER), size, spec);
  return tracer.symbol(edge, shape, "float32", layout);
};

const conv2dFilter: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const shape = attribute<Shape4>(attributes, "filterShape");
  const { spec, layout } = conv2dCase(x.shape, shape, attributes, false);
  const columns = patches(tracer, tracer.edge(x, layout), spec);
  const edge = convolveFilterGradient(tracer, columns, tracer.edge(input(inputs, "dy"), layout), spec);
  return tracer.symbol(edge, shape, "float32", FILTER);
};

function depthwiseFilter(tracer: Tracer, filter: Sym): Edge {
  const [height, width, channels, multiplier] = filter.shape as Shape4;
  return tracer.reshapeEdge(tracer.edge(filter, DEPTHWISE_FILTER), [channels * multiplier, 1, height, width]);
}

const depthwise: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const filter = input(inputs, "filter");
  const { spec, info } = conv2dCase(x.shape, filter.shape, attributes, true);
  const edge = convolve(tracer, tracer.edge(x, NHWC), depthwiseFilter(tracer, filter), undefined, spec);
  return tracer.symbol(edge, info.outShape, "float32", NHWC);
};

const depthwiseInput: Lowering = (tracer, inputs, attributes) => {
  const filter = input(inputs, "filter");
  const shape = attribute<Shape4>(attributes, "inputShape");
  const { spec, info } = conv2dCase(shape, filter.shape, attributes, true);
  const dy = tracer.edge(input(inputs, "dy"), NHWC);
  const size = [info.inHeight, info.inWidth] as const;
  const edge = convolveInputGradient(tracer, dy, depthwiseFilter(tracer, filter), size, spec);
  return tracer.symbol(edge, shape, "float32", NHWC);
};

const depthwiseFilterGradient: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const shape = attribute<Shape4>(attributes, "filterShape");
  const [height, width, channels, multiplier] = shape;
  const { spec } = conv2dCase(x.shape, shape, attributes, true);
  const columns = patches(tracer, tracer.edge(x, NHWC), spec); // [N, C, kh * kw, P]
  const [batch, , taps, pixels] = columns.shape as Shape4;
  const dy = tracer.edge(input(inputs, "dy"), NHWC); // [N, C * multiplier, H', W']
  const each = tracer.emit(
    "FusedMatMul",
    [tracer.reshapeEdge(dy, [batch, channels, multiplier, pixels]), columns],
    [batch, channels, multiplier, taps],
    { domain: "com.microsoft", attributes: { transA: 0n, transB: 1n, alpha: 1 } },
  );
  const edge = tracer.reshapeEdge(sumFirstAxis(tracer, each), [channels, multiplier, height, width]);
  return tracer.symbol(edge, shape, "float32", DEPTHWISE_FILTER);
};

function framesSpec(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attributes: NamedAttrMap,
): FramesSpec {
  const { strides, pad, dilations } = attributes as unknown as Conv3DAttrs;
  const info = backend_util.computeConv3DInfo(
    [...inputShape] as Shape5,
    [...filterShape] as Shape5,
    strides,
    dilations ?? 1,
    pad,
  );
  const { top, left, bottom, right, front } = info.padInfo;
  return {
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    pads: { top, left, bottom, right },
    groups: 1,
    frames: info.inDepth,
    outputFrames: info.outDepth,
    taps: info.filterDepth,
    strideInTime: info.strideDepth,
    source: (frame, tap) => {
      const source = frame * info.strideDepth + tap * info.dilationDepth - front;
      return source >= 0 && source < info.inDepth ? source : undefined;
    },
  };
}

/** tfjs computes 3-D convolutions in NDHWC only; NCDHW is transposed by its op. */
const conv3d: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const filter = input(inputs, "filter");
  return convolveFrames(tracer, x, filter, undefined, framesSpec(x.shape, filter.shape, attributes));
};

const conv3dInput: Lowering = (tracer, inputs, attributes) => {
  const filter = input(inputs, "filter");
  const shape = attribute<Shape5>(attributes, "inputShape");
  const spec = framesSpec(shape, filter.shape, attributes);
  return convolveFramesInputGradient(tracer, input(inputs, "dy"), filter, [shape[2], shape[3]], spec);
};

const conv3dFilter: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const shape = attribute<Shape5>(attributes, "filterShape");
  return convolveFramesFilterGradient(tracer, x, input(inputs, "dy"), shape, framesSpec(x.shape, shape, attributes));
};

const fused =
  (lowering: Lowering): Lowering =>
  (tracer, inputs: KernelInputs, attributes) => {
    let y = lowering(tracer, inputs, attributes) as Sym;
    const bias = inputs["bias"];
    const first = attribute<string>(attributes, "dataFormat") === "NCHW";
    if (bias !== undefined) {
      const perChannel = first && bias.shape.length === 1 ? tracer.reshape(bias, [...bias.shape, 1, 1]) : bias;
      y = add(tracer, y, perChannel);
    }
    const alpha = attribute<number | undefined>(attributes, "leakyreluAlpha");
    const prelu = inputs["preluActivationWeights"];
    return activate(tracer, y, attribute<string>(attributes, "activation"), prelu, alpha);
  };

export const convKernels: KernelTable = {
  Conv2D: conv2d,
  Conv2DBackpropFilter: conv2dFilter,
  Conv2DBackpropInput: conv2dInput,
  Conv3D: conv3d,
  Conv3DBackpropFilterV2: conv3dFilter,
  Conv3DBackpropInputV2: conv3dInput,
  DepthwiseConv2dNative: depthwise,
  DepthwiseConv2dNativeBackpropFilter: depthwiseFilterGradient,
  DepthwiseConv2dNativeBackpropInput: depthwiseInput,
  FusedConv2D: fused(conv2d),
  FusedDepthwiseConv2D: fused(depthwise),
};
