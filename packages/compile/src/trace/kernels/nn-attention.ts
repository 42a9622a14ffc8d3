// Fused attention: scores are never kept between the forward and the backward pass.
//
// B batch, N queries, M keys, D = heads * d channels.
import type { Edge } from "../../graph/graph.js";
import { sameShape } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { add, mul, sub } from "./arithmetic.js";
import { attribute, input } from "./kernel.js";
import type { KernelInputs, KernelTable, Lowering } from "./kernel.js";
import { matMul } from "./matmul.js";
import { alongAxis, reduce } from "./reduce.js";
import type { Sym } from "../symbol.js";

/** [B, M] -> [B, 1, N, M], repeated lazily. */
function biasOf(tracer: Tracer, inputs: KernelInputs, queries: number): Sym | undefined {
  const bias = inputs["bias"];
  if (bias === undefined) return undefined;
  const [batch, keys] = bias.shape as [number, number];
  return tracer.broadcast(tracer.reshape(bias, [batch, 1, 1, keys]), [batch, 1, queries, keys]);
}

const attention: Lowering = (tracer, inputs, attributes) => {
  const q = input(inputs, "q");
  const bias = biasOf(tracer, inputs, q.shape[1]!);
  const edges: (Edge | undefined)[] = ["q", "k", "v"].map((name) => tracer.edge(input(inputs, name)));
  // MultiHeadAttention's inputs 3 and 4 are a projection bias and a padding mask.
  if (bias !== undefined) edges.push(undefined, undefined, tracer.edge(bias));
  const edge = tracer.emit("MultiHeadAttention", edges, q.shape, {
    domain: "com.microsoft",
    attributes: {
      num_heads: BigInt(attribute<number>(attributes, "heads")),
      scale: attribute<number>(attributes, "scale"),
    },
  });
  return tracer.symbol(edge, q.shape, "float32");
};

/** [B, N, heads * d] -> [B, heads, N, d] */
function splitHeads(tracer: Tracer, x: Sym, heads: number): Sym {
  const [batch, tokens, width] = x.shape as [number, number, number];
  return tracer.transpose(tracer.reshape(x, [batch, tokens, heads, width / heads]), [0, 2, 1, 3]);
}

/** [B, heads, N, d] -> [B, N, heads * d] */
function joinHeads(tracer: Tracer, x: Sym): Sym {
  const [batch, heads, tokens, depth] = x.shape as [number, number, number, number];
  return tracer.reshape(tracer.transpose(x, [0, 2, 1, 3]), [batch, tokens, heads * depth]);
}

/** The forward pass's output for the same operands, if it is in the graph. */
function forwardOutput(tracer: Tracer, operands: readonly Edge[], shape: readonly number[]): Edge | undefined {
  return tracer.graph.nodes.find(
    (node) =>
      node.op === "MultiHeadAttention" &&
      operands.every((edge, index) => node.inputs[index] === edge) &&
      sameShape(node.outputs[0]!.shape, shape),
  )?.outputs[0];
}

const attentionGradient: Lowering = (tracer, inputs, attributes) => {
  const heads = attribute<number>(attributes, "heads");
  const scale = attribute<number>(attributes, "scale");
  const [q, k, v, dy] = ["q", "k", "v", "dy"].map((name) => splitHeads(tracer, input(inputs, name), heads)) as [
    Sym,
    Sym,
    Sym,
    Sym,
  ];
  const bias = biasOf(tracer, inputs, q.shape[2]!);
  const product = matMul(tracer, q, k, { transposeB: true, alpha: scale }); // [B, heads, N, M]
  const scores = bias === undefined ? product : add(tracer, product, bias);
  const p = alongAxis(tracer, scores, 3, (edge, axis) =>
    tracer.emit("Softmax", [edge], edge.shape, { attributes: { axis: BigInt(axis) } }),
  );
  const dv = matMul(tracer, p, dy, { transposeA: true });
  const dp = matMul(tracer, dy, v, { transposeB: true });
  // sum(dp p) over the keys is sum(dy y) over a head's channels: fewer numbers, when y is at hand.
  const operands = ["q", "k", "v"].map((name) => tracer.edge(input(inputs, name)));
  const y = inputs["bias"] === undefined ? forwardOutput(tracer, operands, input(inputs, "q").shape) : undefined;
  const products =
    y === undefined
      ? mul(tracer, dp, p)
      : mul(tracer, dy, splitHeads(tracer, tracer.symbol(y, input(inputs, "q").shape, "float32"), heads));
  const rows = reduce(tracer, "ReduceSum", products, [3], true); // [B, heads, N, 1]
  const ds = mul(tracer, p, sub(tracer, dp, rows));
  const dq = matMul(tracer, ds, k, { alpha: scale });
  const dk = matMul(tracer, ds, q, { transposeA: true, alpha: scale });
  return [dq, dk, dv].map((gradient) => joinHeads(tracer, gradient));
};

export const attentionKernels: KernelTable = {
  "nn.Attention": attention,
  "nn.AttentionGrad": attentionGradient,
};
