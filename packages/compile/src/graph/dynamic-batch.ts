// Frees the first axis of a graph that was traced for one batch size, by comparing it with a trace for another.
import type { ConstantData, Edge, Graph, GraphNode } from "./graph.js";

/** Thrown when the graphs differ in more than the batch size. The message says where. */
export class BatchDependence extends Error {}

/**
 * `graph` with shapes that follow the batch size. `other` is the same function traced for another batch size: wherever
 * the two differ, the graph depends on it. A Reshape can leave one length open; anything else cannot be freed.
 */
export function freeBatch(graph: Graph, other: Graph): Graph {
  if (graph.nodes.length !== other.nodes.length) {
    throw new BatchDependence("the function does different things for different batch sizes");
  }
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node, index): GraphNode => {
    const twin = other.nodes[index]!;
    if (!sameNode(node, twin)) {
      throw new BatchDependence(`node ${index} is ${node.op} for one batch size and ${twin.op} for another`);
    }
    const inputs = node.inputs.map((edge, position) => {
      const twinEdge = twin.inputs[position];
      if (edge === undefined || twinEdge === undefined) return edge;
      const [a, b] = [graph.constants.get(edge), other.constants.get(twinEdge)];
      if (a === undefined || b === undefined || sameData(a, b)) return edge;
      const open = node.op === "Reshape" && position === 1 ? openShape(a, b) : undefined;
      if (open === undefined) throw new BatchDependence(`a constant of ${node.op} depends on the batch size`);
      const freed: Edge = { type: "int64", shape: edge.shape };
      constants.set(freed, open);
      return freed;
    });
    return { ...node, inputs };
  });
  return { ...graph, nodes, constants };
}

function sameNode(a: GraphNode, b: GraphNode): boolean {
  const text = (node: GraphNode): string =>
    JSON.stringify([node.op, node.domain, node.inputs.length, node.attributes], (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
  return text(a) === text(b);
}

function sameData(a: ConstantData, b: ConstantData): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** The shape with its only differing length left open. */
function openShape(a: ConstantData, b: ConstantData): BigInt64Array | undefined {
  if (!(a instanceof BigInt64Array) || a.length !== b.length) return undefined;
  const differing = [...a.keys()].filter((index) => a[index] !== b[index]);
  return differing.length === 1 ? a.with(differing[0]!, -1n) : undefined;
}
