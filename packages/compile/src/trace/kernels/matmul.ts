// Matrix products. Transposes of the last two axes, whether tfjs's flags or the layout's, go into the product.
import type { BatchMatMulAttrs, EinsumAttrs, _FusedMatMulAttrs } from "@tensorflow/tfjs";
import type { Edge } from "../../graph/graph.js";
import { identity, inverse } from "../layout.js";
import type { Permutation } from "../layout.js";
import { splat, splatValue } from "../symbol.js";
import type { Sym } from "../symbol.js";
import { broadcastShape } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { add } from "./arithmetic.js";
import { activate } from "./elementwise.js";
import { attribute, input, inputList } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";

export interface MatMulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor of the product. */
  readonly alpha?: number;
}

/** a [..., M, K] times b [..., K, N]; axes before the last two broadcast. */
export function matMul(tracer: Tracer, a: Sym, b: Sym, options: MatMulOptions = {}): Sym {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  const rows = a.shape.at(transposeA ? -1 : -2)!;
  const columns = b.shape.at(transposeB ? -2 : -1)!;
  const shape = [...broadcastShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]), rows, columns];
  if (splatValue(a) === 0 || splatValue(b) === 0) return splat(shape, "float32", 0);
  const left = operand(tracer, a);
  const right = operand(tracer, b);
  const transA = left.swapped !== transposeA;
  const transB = right.swapped !== transposeB;
  if (!transA && !transB && alpha === 1) {
    return tracer.symbol(tracer.emit("MatMul", [left.edge, right.edge], shape), shape, "float32");
  }
  const edge = tracer.emit("FusedMatMul", [left.edge, right.edge], shape, {
    domain: "com.microsoft",
    attributes: { transA: transA ? 1n : 0n, transB: transB ? 1n : 0n, alpha },
  });
  return tracer.symbol(edge, shape, "float32");
}

/** The edge of an operand with its batch axes in order, and whether its last two axes lie the other way round. */
function operand(tracer: Tracer, sym: Sym): { edge: Edge; swapped: boolean } {
  const rank = sym.shape.length;
  const straight = identity(rank);
  const { perm } = tracer.placed(sym);
  const crossed: Permutation = [...straight.slice(0, -2), rank - 1, rank - 2];
  const where = inverse(perm);
  const isCrossed = where.slice(0, -2).every((position, axis) => position === axis) && where[rank - 1] === rank - 2;
  if (isCrossed && sym.shape[rank - 1] !== 1 && sym.shape[rank - 2] !== 1) {
    return { edge: tracer.edge(sym, crossed), swapped: true };
  }
  return { edge: tracer.edge(sym, straight), swapped: false };
}

const batchMatMul: Lowering = (tracer, inputs, attributes) =>
  matMul(tracer, input(inputs, "a"), input(inputs, "b"), {
    transposeA: attribute<BatchMatMulAttrs["transposeA"]>(attributes, "transposeA"),
    transposeB: attribute<BatchMatMulAttrs["transposeB"]>(attributes, "transposeB"),
  });

const fusedMatMul: Lowering = (tracer, inputs, attributes) => {
  const { activation, leakyreluAlpha } = attributes as unknown as _FusedMatMulAttrs;
  const bias = inputs["bias"];
  let y = batchMatMul(tracer, inputs, attributes) as Sym;
  if (bias !== undefined) y = add(tracer, y, bias);
  return activate(tracer, y, activation, inputs["preluActivationWeights"], leakyreluAlpha);
};

const einsum: Lowering = (tracer, inputs, attributes) => {
  const operands = inputList(inputs);
  const equation = attribute<EinsumAttrs["equation"]>(attributes, "equation").replaceAll(" ", "");
  const [terms = "", result = ""] = equation.split("->");
  const lengths = new Map<string, number>();
  for (const [index, term] of terms.split(",").entries()) {
    for (const [axis, letter] of term.split("").entries()) lengths.set(letter, operands[index]!.shape[axis]!);
  }
  const shape = result.split("").map((letter) => lengths.get(letter)!);
  const edge = tracer.emit(
    "Einsum",
    operands.map((sym) => tracer.edge(sym)),
    shape,
    { attributes: { equation } },
  );
  return tracer.symbol(edge, shape, operands[0]!.dtype);
};

/**
 * The last axis of x times one matrix. The other axes stay as they are: ONNX Runtime gives the memory of a tensor to a later one
 * only when their shapes are equal.
 */
const linear: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x"); // [..., K]
  const weight = operand(tracer, input(inputs, "weight")); // [N, K] when transposed, otherwise [K, N]
  const bias = inputs["bias"]; // [N]
  const transposed = attribute<boolean>(attributes, "transposed");
  const width = input(inputs, "weight").shape[transposed ? 0 : 1]!;
  const shape = [...x.shape.slice(0, -1), width];
  const transB = weight.swapped !== transposed;
  const product = transB
    ? tracer.emit("FusedMatMul", [tracer.edge(x), weight.edge], shape, {
        domain: "com.microsoft",
        attributes: { transA: 0n, transB: 1n, alpha: 1 },
      })
    : tracer.emit("MatMul", [tracer.edge(x), weight.edge], shape);
  const y = tracer.symbol(product, shape, "float32");
  return bias === undefined ? y : add(tracer, y, bias);
};

export const matMulKernels: KernelTable = {
  "nn.Linear": linear,
  BatchMatMul: batchMatMul,
  Einsum: einsum,
  _FusedMatMul: fusedMatMul,
};
