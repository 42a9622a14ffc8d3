import type { Edge, Graph, GraphNode } from "./graph.js";

/** Merges nodes that apply the same operation to the same edges. */
export function mergeCommonSubexpressions(graph: Graph): Graph {
  const ids = new Map<Edge, number>();
  const replaced = new Map<Edge, Edge>();
  const seen = new Map<string, GraphNode>();
  const nodes: GraphNode[] = [];
  const current = (edge: Edge): Edge => replaced.get(edge) ?? edge;
  const idOf = (edge: Edge | undefined): number => {
    if (edge === undefined) return -1;
    const known = ids.get(edge);
    if (known !== undefined) return known;
    ids.set(edge, ids.size);
    return ids.size - 1;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((edge) => edge && current(edge));
    const key = `${node.domain}:${node.op}(${inputs.map(idOf).join()})${node.outputs.length}${attributeKey(node)}`;
    const same = seen.get(key);
    if (same !== undefined) {
      for (const [index, edge] of node.outputs.entries()) replaced.set(edge, same.outputs[index]!);
      continue;
    }
    const kept = { ...node, inputs };
    seen.set(key, kept);
    nodes.push(kept);
  }
  return { ...graph, nodes, outputs: graph.outputs.map(({ name, edge }) => ({ name, edge: current(edge) })) };
}

function attributeKey(node: GraphNode): string {
  return JSON.stringify(node.attributes, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}
