import type { Edge, Graph, GraphNode } from "./graph.js";

/** Drops the nodes, constants and inputs that no output depends on. */
export function removeDeadCode(graph: Graph): Graph {
  const live = new Set<Edge>(graph.outputs.map((output) => output.edge));
  const nodes: GraphNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((edge) => live.has(edge))) continue;
    nodes.push(node);
    for (const edge of node.inputs) if (edge !== undefined) live.add(edge);
  }
  return {
    inputs: graph.inputs.filter((input) => live.has(input.edge)),
    outputs: graph.outputs,
    nodes: nodes.toReversed(),
    constants: new Map([...graph.constants].filter(([edge]) => live.has(edge))),
  };
}
