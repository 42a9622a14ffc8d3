// Convolutions whose numbers of channels ONNX Runtime's WebGPU provider gets wrong (measured with 1.30, two drivers).
import type { Edge, Graph, GraphBuilder, GraphNode } from "../../graph/graph.js";
import { integerAttribute, rewriteNodes } from "./rewrite.js";

/**
 * Gives two-dimensional convolutions zero channels where the WebGPU provider computes wrong numbers without an error:
 * - more than 3 input channels, a multiple of 3 and not of 4 (6, 9, 15, 18, ...), in one group, unless the filter is one
 *   pixel that visits every position;
 * - more than 4 outputs for each of several groups, and not a multiple of 4;
 * - transposed, with one output and an even number of inputs for each of several groups.
 */
export function padConvolutionChannels(graph: Graph): Graph {
  const padded = new Map<Edge, Edge>();
  return rewriteNodes(graph, (node, builder) => {
    if (hasWrongInputs(node)) {
      padInputs(node, builder, padded);
      return true;
    }
    if (hasWrongOutputs(node)) {
      padOutputs(node, builder);
      return true;
    }
    if (hasWrongTransposedOutputs(node)) {
      padTransposedOutputs(node, builder);
      return true;
    }
    return false;
  });
}

function hasWrongInputs(node: GraphNode): boolean {
  if (node.op !== "Conv" || integerAttribute(node, "group", 1) !== 1) return false;
  const [, channels, ...kernel] = node.inputs[1]!.shape;
  if (kernel.length !== 2) return false;
  const visitsAll = isAll(node.attributes["strides"], 1) && isAll(node.attributes["pads"], 0);
  if (visitsAll && kernel.every((length) => length === 1)) return false;
  return channels! > 3 && channels! % 3 === 0 && channels! % 4 !== 0;
}

function hasWrongOutputs(node: GraphNode): boolean {
  const groups = integerAttribute(node, "group", 1);
  if (node.op !== "Conv" || groups === 1 || node.inputs[1]!.shape.length !== 4) return false;
  const perGroup = node.inputs[1]!.shape[0]! / groups;
  return perGroup > 4 && perGroup % 4 !== 0;
}

function hasWrongTransposedOutputs(node: GraphNode): boolean {
  const groups = integerAttribute(node, "group", 1);
  if (node.op !== "ConvTranspose" || groups === 1) return false;
  const [inputs, perGroup] = node.inputs[1]!.shape;
  return perGroup === 1 && (inputs! / groups) % 2 === 0;
}

function isAll(attribute: GraphNode["attributes"][string] | undefined, value: number): boolean {
  if (attribute === undefined) return true; // the default
  return typeof attribute === "object" && "ints" in attribute && attribute.ints.every((item) => item === value);
}

/** Channels of image and filter: [N, C, H, W] and [O, C, kh, kw]. */
function padInputs(node: GraphNode, builder: GraphBuilder, padded: Map<Edge, Edge>): void {
  const [x, filter, ...bias] = node.inputs as readonly [Edge, Edge, Edge?];
  const inputs = [x, filter].map((edge) => {
    let wide = padded.get(edge);
    if (wide === undefined) {
      wide = padAxis(builder, edge, 1, 4);
      padded.set(edge, wide);
    }
    return wide;
  });
  builder.emitMany("Conv", [...inputs, ...bias], node.outputs, { attributes: node.attributes });
}

/** Outputs of each group: the filter [G * O, C, kh, kw] becomes [G * O', C, kh, kw]. */
function padOutputs(node: GraphNode, builder: GraphBuilder): void {
  const [x, filter] = node.inputs as readonly [Edge, Edge];
  const groups = integerAttribute(node, "group", 1);
  const [outputs, ...rest] = filter.shape as readonly [number, number, number, number];
  const grouped = reshape(builder, filter, [groups, outputs / groups, ...rest]);
  const wide = padAxis(builder, grouped, 1, 4); // [G, O', C, kh, kw]
  const wideFilter = reshape(builder, wide, [groups * wide.shape[1]!, ...rest]);
  cutOutputs(node, builder, { x, filter: wideFilter, wide: wide.shape[1]!, perGroup: outputs / groups });
}

/** The only output of each group becomes two: the filter [C, 1, kh, kw] becomes [C, 2, kh, kw]. */
function padTransposedOutputs(node: GraphNode, builder: GraphBuilder): void {
  const [x, filter] = node.inputs as readonly [Edge, Edge];
  cutOutputs(node, builder, { x, filter: padAxis(builder, filter, 1, 2), wide: 2, perGroup: 1 });
}

/** The node with a wider filter, without the outputs that this adds to each group. */
function cutOutputs(
  node: GraphNode,
  builder: GraphBuilder,
  { x, filter, wide, perGroup }: { x: Edge; filter: Edge; wide: number; perGroup: number },
): void {
  const bias = node.inputs[2];
  const [y] = node.outputs as readonly [Edge];
  const groups = integerAttribute(node, "group", 1);
  const [batch, outputs, height, width] = y.shape as readonly [number, number, number, number];
  const { attributes } = node;
  const product = builder.emit(node.op, [x, filter], [batch, groups * wide, height, width], { attributes });
  const apart = reshape(builder, product, [batch, groups, wide, height, width]);
  const [from, to, axis] = [0, perGroup, 2].map((value) => builder.ints([value]));
  const cut = builder.emit("Slice", [apart, from, to, axis], [batch, groups, perGroup, height, width]);
  if (bias === undefined) {
    builder.emitMany("Reshape", [cut, builder.ints(y.shape)], [y]);
  } else {
    builder.emitMany("Add", [reshape(builder, cut, y.shape), reshape(builder, bias, [outputs, 1, 1])], [y]);
  }
}

function reshape(builder: GraphBuilder, edge: Edge, shape: readonly number[]): Edge {
  return builder.emit("Reshape", [edge, builder.ints(shape)], shape);
}

/** Zeros at the end of an axis, up to the next multiple. */
function padAxis(builder: GraphBuilder, edge: Edge, axis: number, multiple: number): Edge {
  const length = edge.shape[axis]!;
  const wide = Math.ceil(length / multiple) * multiple;
  const pads = Array.from({ length: 2 * edge.shape.length }, () => 0);
  pads[edge.shape.length + axis] = wide - length;
  return builder.emit("Pad", [edge, builder.ints(pads)], edge.shape.with(axis, wide));
}
