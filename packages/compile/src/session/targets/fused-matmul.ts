// FusedMatMul is an operation of ONNX Runtime that its WebGPU provider lacks.
import type { Edge, Graph, GraphBuilder, GraphNode } from "../../graph/graph.js";
import { integerAttribute, rewriteNodes } from "./rewrite.js";

/** Writes every FusedMatMul as Gemm (two matrices) or as Transpose, MatMul and Mul (batches of them). */
export function splitFusedMatMul(graph: Graph): Graph {
  const transposed = new Map<Edge, Edge>();
  return rewriteNodes(graph, (node, builder) => {
    if (node.op !== "FusedMatMul" || !isPlain(node)) return false;
    const [a, b] = node.inputs as readonly [Edge, Edge];
    const [y] = node.outputs as readonly [Edge];
    const transA = integerAttribute(node, "transA");
    const transB = integerAttribute(node, "transB");
    const alpha = typeof node.attributes["alpha"] === "number" ? node.attributes["alpha"] : 1;
    if (a.shape.length === 2 && b.shape.length === 2) {
      const attributes = { transA: BigInt(transA), transB: BigInt(transB), alpha };
      builder.emitMany("Gemm", [a, b], [y], { attributes });
      return true;
    }
    const left = transA === 1 ? transpose(builder, transposed, a) : a;
    const right = transB === 1 ? transpose(builder, transposed, b) : b;
    if (alpha === 1) {
      builder.emitMany("MatMul", [left, right], [y]);
    } else {
      const product = builder.emit("MatMul", [left, right], y.shape);
      builder.emitMany("Mul", [product, builder.scalar(alpha)], [y]);
    }
    return true;
  });
}

/** False for the variants in which a batch axis changes places too; no lowering makes them. */
function isPlain(node: GraphNode): boolean {
  return integerAttribute(node, "transBatchA") === 0 && integerAttribute(node, "transBatchB") === 0;
}

/** The last two axes exchanged. A vector has only one: FusedMatMul leaves it alone. */
function transpose(builder: GraphBuilder, known: Map<Edge, Edge>, edge: Edge): Edge {
  const rank = edge.shape.length;
  if (rank < 2) return edge;
  let result = known.get(edge);
  if (result === undefined) {
    const perm = [...edge.shape.keys()];
    perm.splice(rank - 2, 2, rank - 1, rank - 2);
    const shape = perm.map((axis) => edge.shape[axis]!);
    result = builder.emit("Transpose", [edge], shape, { attributes: { perm: { ints: perm } } });
    known.set(edge, result);
  }
  return result;
}
