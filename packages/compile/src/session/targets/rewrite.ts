// Replaces nodes of a graph by others that compute the same.
import { GraphBuilder } from "../../graph/graph.js";
import type { Graph, GraphNode } from "../../graph/graph.js";

/**
 * A copy of `graph` in which `replace` has been asked about every node, in order. It returns false to keep the node, or
 * emits others, of which the last ones write to the node's own output edges.
 */
export function rewriteNodes(graph: Graph, replace: (node: GraphNode, builder: GraphBuilder) => boolean): Graph {
  const builder = new GraphBuilder();
  let changed = false;
  for (const node of graph.nodes) {
    if (replace(node, builder)) changed = true;
    else builder.nodes.push(node);
  }
  if (!changed) return graph;
  return { ...graph, nodes: builder.nodes, constants: new Map([...graph.constants, ...builder.constants]) };
}

/** A flag or count among a node's attributes. */
export function integerAttribute(node: GraphNode, name: string, fallback = 0): number {
  const value = node.attributes[name];
  return typeof value === "bigint" ? Number(value) : fallback;
}
