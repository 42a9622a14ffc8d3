import type { Edge, Graph, GraphNode } from "./graph.js";

/**
 * Gives every output an edge of its own that a node computes: ONNX has no way to name one tensor twice, nor to return
 * an input or a constant.
 */
export function separateOutputs(graph: Graph): Graph {
  const produced = new Set<Edge>(graph.nodes.flatMap((node) => node.outputs));
  const used = new Set<Edge>();
  const copies: GraphNode[] = [];
  const outputs = graph.outputs.map(({ name, edge }) => {
    if (produced.has(edge) && !used.has(edge)) {
      used.add(edge);
      return { name, edge };
    }
    const copy: Edge = { type: edge.type, shape: edge.shape };
    copies.push({ op: "Identity", domain: "", inputs: [edge], outputs: [copy], attributes: {} });
    return { name, edge: copy };
  });
  return { ...graph, outputs, nodes: [...graph.nodes, ...copies] };
}
