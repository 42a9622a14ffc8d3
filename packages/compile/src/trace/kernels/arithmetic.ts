// Elementwise arithmetic on symbols: broadcasting, choice of layout, folding of constants.
import type { Edge, GraphNode } from "../../graph/graph.js";
import { identity, isFreeMove, permuteShape } from "../layout.js";
import type { Permutation } from "../layout.js";
import { splat, splatValue } from "../symbol.js";
import type { Sym, TensorType } from "../symbol.js";
import { alignShape, broadcastShape, sameShape, sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";

/** Writes an elementwise computation on edges that are ready to be broadcast against each other. */
export type EmitElementwise = (edges: readonly Edge[], shape: readonly number[]) => Edge;

/** Applies an elementwise computation to symbols of any layouts. */
export function elementwise(tracer: Tracer, inputs: readonly Sym[], dtype: TensorType, emit: EmitElementwise): Sym {
  const shape = broadcastShape(inputs.map((sym) => sym.shape));
  const undecided = inputs.filter((sym) => sym.source.kind === "pending");
  // Scalars fit every layout, computed ones too: an optimizer's moments must not be pinned down by a learning rate.
  const decided = inputs.filter(
    (sym) => (sym.source.kind === "edge" || sym.source.kind === "data") && sizeOf(sym.shape) !== 1,
  );
  if (undecided.length > 0 && decided.length === 0 && undecided.every((sym) => sameShape(sym.shape, shape))) {
    return {
      shape,
      dtype,
      source: {
        kind: "pending",
        force: (preferred) => {
          const { perm } = tracer.placed(undecided[0]!, preferred);
          return { edge: apply(tracer, inputs, shape, perm, emit), perm };
        },
      },
    };
  }
  const perm = chooseLayout(inputs, shape);
  return tracer.symbol(apply(tracer, inputs, shape, perm, emit), shape, dtype, perm);
}

function apply(
  tracer: Tracer,
  inputs: readonly Sym[],
  shape: readonly number[],
  perm: Permutation,
  emit: EmitElementwise,
): Edge {
  const edges = inputs.map((sym) => operand(tracer, sym, shape, perm));
  const edge = emit(edges, broadcastShape(edges.map((operand) => operand.shape)));
  return tracer.reshapeEdge(edge, alignShape(edge.shape, shape.length));
}

/** The layout of the largest operand: the others are small, or have the same one. */
function chooseLayout(inputs: readonly Sym[], shape: readonly number[]): Permutation {
  let best: { size: number; perm: Permutation } | undefined;
  for (const sym of inputs) {
    if (sym.source.kind !== "edge") continue;
    const size = sizeOf(sym.source.edge.shape);
    if (best !== undefined && best.size >= size) continue;
    const lead = shape.length - sym.shape.length;
    best = { size, perm: [...identity(lead), ...sym.source.perm.map((axis) => axis + lead)] };
  }
  return best?.perm ?? identity(shape.length);
}

/** An operand in the common layout, unrepeated, and without leading axes of length 1 where that saves a node. */
function operand(tracer: Tracer, sym: Sym, shape: readonly number[], perm: Permutation): Edge {
  if (sym.source.kind === "splat") return tracer.graph.scalar(sym.source.value, sym.dtype);
  const lead = shape.length - sym.shape.length;
  const placed = tracer.placed(
    sym,
    perm.filter((axis) => axis >= lead).map((axis) => axis - lead),
  );
  const aligned = alignShape(placed.edge.shape, shape.length);
  const alignedPerm = [...identity(lead), ...placed.perm.map((axis) => axis + lead)];
  const dims = logicalOrder(aligned, alignedPerm);
  if (!isFreeMove(alignedPerm, perm, dims)) {
    return tracer.move(tracer.reshapeEdge(placed.edge, aligned), alignedPerm, perm);
  }
  const target = permuteShape(dims, perm);
  const fits = sameShape(withoutLeadingOnes(target), withoutLeadingOnes(placed.edge.shape));
  return fits ? placed.edge : tracer.reshapeEdge(placed.edge, target);
}

function withoutLeadingOnes(shape: readonly number[]): readonly number[] {
  const first = shape.findIndex((dimension) => dimension !== 1);
  return first < 0 ? [] : shape.slice(first);
}

function logicalOrder(physical: readonly number[], perm: Permutation): number[] {
  const result: number[] = [];
  for (const [index, axis] of perm.entries()) result[axis] = physical[index]!;
  return result;
}

/** One ONNX node applied elementwise. */
export function node(
  tracer: Tracer,
  op: string,
  inputs: readonly Sym[],
  options: { dtype?: TensorType; attributes?: GraphNode["attributes"]; domain?: GraphNode["domain"] } = {},
): Sym {
  const dtype = options.dtype ?? inputs[0]!.dtype;
  return elementwise(tracer, inputs, dtype, (edges, shape) =>
    tracer.emit(op, edges, shape, { ...options, type: dtype }),
  );
}

export function cast(tracer: Tracer, x: Sym, dtype: TensorType): Sym {
  if (x.dtype === dtype) return x;
  const value = splatValue(x);
  if (value !== undefined) return splat(x.shape, dtype, castNumber(value, dtype));
  return node(tracer, "Cast", [x], { dtype, attributes: { to: ONNX_TYPE[dtype] } });
}

export const ONNX_TYPE: Readonly<Record<TensorType, bigint>> = { float32: 1n, int32: 6n, bool: 9n };

export function castNumber(value: number, dtype: TensorType): number {
  if (dtype === "float32") return Math.fround(value);
  return dtype === "int32" ? Math.trunc(value) | 0 : Number(value !== 0);
}

/** The wider of two types, as tfjs's upcastType has it. */
export function upcast(...types: readonly TensorType[]): TensorType {
  if (types.includes("float32")) return "float32";
  return types.includes("int32") ? "int32" : "bool";
}

function foldable(a: Sym, b: Sym, compute: (a: number, b: number) => number): Sym | undefined {
  const x = splatValue(a);
  const y = splatValue(b);
  if (x === undefined || y === undefined) return undefined;
  const dtype = upcast(a.dtype, b.dtype);
  return splat(broadcastShape([a.shape, b.shape]), dtype, castNumber(compute(x, y), dtype));
}

function same(tracer: Tracer, a: Sym, b: Sym): Sym {
  return tracer.broadcast(a, broadcastShape([a.shape, b.shape]));
}

function binary(tracer: Tracer, op: string, a: Sym, b: Sym): Sym {
  const dtype = upcast(a.dtype, b.dtype);
  return node(tracer, op, [cast(tracer, a, dtype), cast(tracer, b, dtype)], { dtype });
}

export function add(tracer: Tracer, a: Sym, b: Sym): Sym {
  const folded = foldable(a, b, (x, y) => x + y);
  if (folded !== undefined) return folded;
  if (a.dtype === b.dtype && splatValue(b) === 0) return same(tracer, a, b);
  if (a.dtype === b.dtype && splatValue(a) === 0) return same(tracer, b, a);
  return binary(tracer, "Add", a, b);
}

export function sub(tracer: Tracer, a: Sym, b: Sym): Sym {
  const folded = foldable(a, b, (x, y) => x - y);
  if (folded !== undefined) return folded;
  if (a.dtype === b.dtype && splatValue(b) === 0) return same(tracer, a, b);
  return binary(tracer, "Sub", a, b);
}

/**
 * A product. A factor that is 0 everywhere makes it 0 without looking at the other one (so 0 * Infinity is 0 there):
 * tfjs hands zeros to the gradients of unused outputs, and whole branches of a graph disappear this way.
 */
export function mul(tracer: Tracer, a: Sym, b: Sym): Sym {
  const folded = foldable(a, b, (x, y) => x * y);
  if (folded !== undefined) return folded;
  const dtype = upcast(a.dtype, b.dtype);
  if (splatValue(a) === 0 || splatValue(b) === 0) return splat(broadcastShape([a.shape, b.shape]), dtype, 0);
  if (a.dtype === b.dtype && splatValue(b) === 1) return same(tracer, a, b);
  if (a.dtype === b.dtype && splatValue(a) === 1) return same(tracer, b, a);
  return binary(tracer, "Mul", a, b);
}

export function div(tracer: Tracer, a: Sym, b: Sym): Sym {
  const folded = foldable(a, b, (x, y) => x / y);
  if (folded !== undefined) return folded;
  if (splatValue(b) === 1 && a.dtype === "float32") return same(tracer, a, b);
  if (splatValue(a) === 0 && a.dtype === "float32") return splat(broadcastShape([a.shape, b.shape]), "float32", 0);
  return node(tracer, "Div", [cast(tracer, a, "float32"), cast(tracer, b, "float32")]);
}

/** A float scalar that fits any operand. */
export function number(value: number, dtype: TensorType = "float32"): Sym {
  return splat([], dtype, value);
}
