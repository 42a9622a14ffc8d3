// Parts of constants, taken before ONNX Runtime would.
import { removeDeadCode } from "./dead-code.js";
import { type ConstantData, type Edge, type Graph, type GraphNode, sizeOf } from "./graph.js";

/**
 * Replaces slices of constants (`Gather` of one index of the first axis) by views of their values, and sums of two of equal
 * shape by their values. ONNX Runtime would do the same while it opens a session, with copies of the constants that its
 * allocator then keeps. `floats` makes the arrays of sums.
 */
export function foldConstantParts(graph: Graph, floats = (length: number) => new Float32Array(length)): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.filter((node) => {
    const values = partOf(node, constants) ?? sumOf(node, constants, floats);
    if (values === undefined) return true;
    constants.set(node.outputs[0]!, values);
    return false;
  });
  return removeDeadCode({ ...graph, nodes, constants });
}

function partOf(node: GraphNode, constants: ReadonlyMap<Edge, ConstantData>): Float32Array | undefined {
  const [data, index] = node.inputs;
  if (node.op !== "Gather" || node.attributes["axis"] !== 0n || index!.shape.length > 0) return undefined;
  const values = constants.get(data!);
  const position = constants.get(index!);
  if (!(values instanceof Float32Array) || position === undefined) return undefined;
  const size = sizeOf(data!.shape.slice(1));
  const start = ((Number(position[0]) + data!.shape[0]!) % data!.shape[0]!) * size; // an index below 0 counts from the end
  return values.subarray(start, start + size);
}

function sumOf(
  node: GraphNode,
  constants: ReadonlyMap<Edge, ConstantData>,
  floats: (length: number) => Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> | undefined {
  const [a, b] = node.inputs;
  if (node.op !== "Add" || a!.shape.join() !== b!.shape.join()) return undefined;
  const left = constants.get(a!);
  const right = constants.get(b!);
  if (!(left instanceof Float32Array && right instanceof Float32Array)) return undefined;
  const sum = floats(left.length);
  for (let i = 0; i < sum.length; i++) sum[i] = left[i]! + right[i]!;
  return sum;
}
