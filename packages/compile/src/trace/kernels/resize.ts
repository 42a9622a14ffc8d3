// Image resizing. Both kinds are products with one matrix for rows and one for columns, so the gradient is the
// product with the transposed matrices, exact for every scale and option.
import type { ResizeBilinearAttrs } from "@tensorflow/tfjs";
import type { Edge } from "../../graph/graph.js";
import type { Permutation } from "../layout.js";
import { input } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";
import type { Tracer } from "../tracer.js";

const IMAGES: Permutation = [0, 3, 1, 2]; // [N, C, H, W]

type Weights = (from: number, to: number, attributes: ResizeBilinearAttrs) => Float32Array;

function scaleOf(from: number, to: number, alignCorners: boolean): number {
  return alignCorners && to > 1 ? (from - 1) / (to - 1) : from / to;
}

/** [to, from]: row i holds the weights of output i. */
const bilinear: Weights = (from, to, { alignCorners, halfPixelCenters }) => {
  const matrix = new Float32Array(to * from);
  const scale = scaleOf(from, to, alignCorners);
  for (let i = 0; i < to; i++) {
    const position = halfPixelCenters ? scale * (i + 0.5) - 0.5 : scale * i;
    const floor = Math.max(0, Math.floor(position));
    const fraction = position - floor;
    const ceil = Math.min(from - 1, Math.ceil(position));
    matrix[i * from + floor]! += 1 - fraction;
    matrix[i * from + ceil]! += fraction;
  }
  return matrix;
};

const nearest: Weights = (from, to, { alignCorners, halfPixelCenters }) => {
  const matrix = new Float32Array(to * from);
  const scale = scaleOf(from, to, alignCorners);
  for (let i = 0; i < to; i++) {
    const position = halfPixelCenters ? scale * (i + 0.5) : scale * i;
    const row = Math.min(from - 1, alignCorners ? Math.round(position) : Math.floor(position));
    matrix[i * from + Math.max(0, row)] = 1;
  }
  return matrix;
};

function product(tracer: Tracer, a: Edge, b: Edge, shape: readonly number[], transA: boolean, transB: boolean): Edge {
  return tracer.emit("FusedMatMul", [a, b], shape, {
    domain: "com.microsoft",
    attributes: { transA: transA ? 1n : 0n, transB: transB ? 1n : 0n, alpha: 1 },
  });
}

const resize =
  (weights: Weights): Lowering =>
  (tracer, inputs, attributes) => {
    const options = attributes as unknown as ResizeBilinearAttrs;
    const images = input(inputs, "images");
    const [batch, height, width, channels] = images.shape as [number, number, number, number];
    const [newHeight, newWidth] = options.size;
    const rows = tracer.graph.constant("float32", weights(height, newHeight, options), [newHeight, height]);
    const columns = tracer.graph.constant("float32", weights(width, newWidth, options), [newWidth, width]);
    const x = tracer.edge(images, IMAGES);
    const wide = product(tracer, x, columns, [batch, channels, height, newWidth], false, true);
    const edge = product(tracer, rows, wide, [batch, channels, newHeight, newWidth], false, false);
    return tracer.symbol(edge, [batch, newHeight, newWidth, channels], "float32", IMAGES);
  };

const resizeGradient =
  (weights: Weights): Lowering =>
  (tracer, inputs, attributes) => {
    const images = input(inputs, "images");
    const dy = input(inputs, "dy");
    const [batch, height, width, channels] = images.shape as [number, number, number, number];
    const [, newHeight, newWidth] = dy.shape as [number, number, number, number];
    const options = attributes as unknown as ResizeBilinearAttrs;
    const rows = tracer.graph.constant("float32", weights(height, newHeight, options), [newHeight, height]);
    const columns = tracer.graph.constant("float32", weights(width, newWidth, options), [newWidth, width]);
    const tall = product(tracer, tracer.edge(dy, IMAGES), columns, [batch, channels, newHeight, width], false, false);
    const edge = product(tracer, rows, tall, [batch, channels, height, width], true, false);
    return tracer.symbol(edge, images.shape, "float32", IMAGES);
  };

export const resizeKernels: KernelTable = {
  ResizeBilinear: resize(bilinear),
  ResizeBilinearGrad: resizeGradient(bilinear),
  ResizeNearestNeighbor: resize(nearest),
  ResizeNearestNeighborGrad: resizeGradient(nearest),
};
