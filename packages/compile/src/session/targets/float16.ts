// Half precision for inference, with islands of single precision where sums and exponentials need it.
import { LARGEST_FLOAT16, toFloat16 } from "../../graph/float16.js";
import { removeDeadCode } from "../../graph/dead-code.js";
import type { ConstantData, Edge, Graph, GraphNode } from "../../graph/graph.js";

/** Operations that lose only rounding; they compute in the precision of their users. */
const ELEMENTWISE = new Set([
  "Abs",
  "Add",
  "Clip",
  "Div",
  "Gelu",
  "LeakyRelu",
  "Max",
  "Min",
  "Mul",
  "Neg",
  "QuickGelu",
  "Relu",
  "Sigmoid",
  "Sub",
  "Tanh",
  "Where",
]);

/** Operations that move values. */
const MOVES = new Set([
  "Concat",
  "Expand",
  "Gather",
  "GatherND",
  "Identity",
  "MaxPool",
  "Pad",
  "Reshape",
  "Resize",
  "Slice",
  "Split",
  "Tile",
  "Transpose",
]);

/** Operations that are worth the half precision: their sums are kept in registers of the device. */
const PRODUCTS = new Set(["Conv", "ConvTranspose", "FusedMatMul", "Gemm", "MatMul"]);

/**
 * The graph with products in float16, their constants, and the moves and elementwise operations that feed them.
 * Everything else stays float32: norms, softmax and attention, reductions, exponentials, roots, sums of residuals, and
 * what feeds only those or the results. A node with a constant beyond the range of float16 (a mask of -1e9) stays float32 too. Inputs and outputs keep
 * their types. The graph must not assign variables: 11 bits are not enough to add small updates up.
 */
export function toHalfPrecision(graph: Graph): Graph {
  const halves = halfNodes(graph);
  const nodes: GraphNode[] = [];
  const constants = new Map(graph.constants);
  /** The other precision of an edge: float16 of an original edge, or the other way round. */
  const converted = new Map<Edge, Edge>();
  /** Where an original edge is computed in float16. */
  const home = new Map<Edge, Edge>();

  const cast = (edge: Edge, type: "float16" | "float32"): Edge => {
    let result = converted.get(edge);
    if (result === undefined) {
      result = { type, shape: edge.shape };
      const data = graph.constants.get(edge);
      if (type === "float16" && data instanceof Float32Array) constants.set(result, toFloat16(data));
      else nodes.push(castNode(edge, result));
      converted.set(edge, result);
    }
    return result;
  };
  const half = (edge: Edge): Edge => home.get(edge) ?? cast(edge, "float16");
  const full = (edge: Edge): Edge => {
    const computed = home.get(edge);
    return computed === undefined ? edge : cast(computed, "float32");
  };

  for (const node of graph.nodes) {
    if (!halves.has(node)) {
      nodes.push({ ...node, inputs: node.inputs.map((edge) => edge && full(edge)) });
      continue;
    }
    const inputs = node.inputs.map((edge, index) => (edge !== undefined && isData(node, index) ? half(edge) : edge));
    const outputs = node.outputs.map((edge): Edge => {
      if (edge.type !== "float32") return edge;
      const computed: Edge = { type: "float16", shape: edge.shape };
      home.set(edge, computed);
      return computed;
    });
    nodes.push({ ...node, inputs, outputs });
  }
  const outputs = graph.outputs.map(({ name, edge }) => ({ name, edge: full(edge) }));
  return removeDeadCode({ ...graph, nodes, constants, outputs });
}

function castNode(from: Edge, to: Edge): GraphNode {
  // Element types of onnx.proto3.
  const type = to.type === "float16" ? 10n : 1n;
  return { op: "Cast", domain: "", inputs: [from], outputs: [to], attributes: { to: type } };
}

/** True for inputs that have the type of the computation; the scales of Resize and the axes of Slice have not. */
function isData(node: GraphNode, index: number): boolean {
  return node.inputs[index]!.type === "float32" && (node.op !== "Resize" || index === 0);
}

/** The nodes that compute in float16. */
function halfNodes(graph: Graph): Set<GraphNode> {
  const consumers = new Map<Edge, GraphNode[]>();
  for (const node of graph.nodes) {
    for (const edge of node.inputs) {
      if (edge === undefined) continue;
      const list = consumers.get(edge);
      if (list === undefined) consumers.set(edge, [node]);
      else list.push(node);
    }
  }
  const chosen = new Set<GraphNode>();
  // From the last node to the first, so that the users of a node are decided before it.
  for (const node of graph.nodes.toReversed()) {
    if (!couldBeHalf(node, graph.constants)) continue;
    const wanted = node.outputs.some((edge) => (consumers.get(edge) ?? []).some((user) => chosen.has(user)));
    if (PRODUCTS.has(node.op) || wanted) chosen.add(node);
  }
  return chosen;
}

function couldBeHalf(node: GraphNode, constants: ReadonlyMap<Edge, ConstantData>): boolean {
  if (!PRODUCTS.has(node.op) && !ELEMENTWISE.has(node.op) && !MOVES.has(node.op)) return false;
  if (!node.outputs.some(({ type }) => type === "float32")) return false;
  return node.inputs.every((edge, index) => {
    const data = edge !== undefined && isData(node, index) ? constants.get(edge) : undefined;
    return !(data instanceof Float32Array) || data.every((value) => Math.abs(value) <= LARGEST_FLOAT16);
  });
}
