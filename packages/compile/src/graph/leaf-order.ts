import type { Edge, Graph, GraphNode } from "./graph.js";

/**
 * Moves the nodes that nothing reads to the end, those with the longest way behind them first. ONNX Runtime computes what the
 * last such node needs before anything else, then the last but one, and so on. A training step ends in one such node for each
 * parameter; computed in this order, the gradients of a layer's weights come right after the gradient of its output, and its
 * activations can be freed, where otherwise all layers' would wait until the whole backward pass is done.
 */
export function orderLeaves(graph: Graph): Graph {
  const read = new Set<Edge>();
  for (const { inputs } of graph.nodes) for (const edge of inputs) if (edge !== undefined) read.add(edge);
  const depths = new Map<Edge, number>();
  const inner: GraphNode[] = [];
  const leaves: { readonly node: GraphNode; readonly depth: number }[] = [];
  for (const node of graph.nodes) {
    const depth = 1 + Math.max(0, ...node.inputs.map((edge) => (edge && depths.get(edge)) ?? 0));
    for (const edge of node.outputs) depths.set(edge, depth);
    if (node.outputs.some((edge) => read.has(edge))) inner.push(node);
    else leaves.push({ node, depth });
  }
  // Sorting is stable: leaves of equal depth stay in the order of the trace.
  const ordered = leaves.toSorted((a, b) => b.depth - a.depth).map(({ node }) => node);
  return { ...graph, nodes: [...inner, ...ordered] };
}
