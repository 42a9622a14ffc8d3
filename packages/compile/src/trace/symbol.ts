// What a tensor is while a function is traced.
import type { Edge } from "../graph/graph.js";
import type { Permutation } from "./layout.js";

export type TensorType = "float32" | "int32" | "bool";
export type HostValues = Float32Array | Int32Array | Uint8Array;

/**
 * - `splat`: one number everywhere, so that arithmetic with constants can be folded away;
 * - `data`: a constant on the host, row-major;
 * - `edge`: a tensor of the graph. Physical axis i is logical axis `perm[i]`; where the edge has length 1 and the
 *   symbol more, the value is repeated but the repetition has not been carried out;
 * - `pending`: a variable whose layout nothing has decided yet, or elementwise arithmetic on one. The first user that
 *   cares calls `force`.
 */
export type Source =
  | { readonly kind: "splat"; readonly value: number }
  | { readonly kind: "data"; readonly values: HostValues }
  | ({ readonly kind: "edge" } & Placed)
  | { readonly kind: "pending"; readonly force: (preferred: Permutation) => Placed };

/** An edge and how it lies. */
export interface Placed {
  readonly edge: Edge;
  readonly perm: Permutation;
}

export interface Sym {
  readonly shape: readonly number[];
  readonly dtype: TensorType;
  /** Changes once, from `pending` to `edge`. */
  source: Source;
}

export function splat(shape: readonly number[], dtype: TensorType, value: number): Sym {
  return { shape, dtype, source: { kind: "splat", value } };
}

export function hostSym(shape: readonly number[], dtype: TensorType, values: HostValues): Sym {
  return { shape, dtype, source: { kind: "data", values } };
}

export function isConstant(sym: Sym): boolean {
  return sym.source.kind === "splat" || sym.source.kind === "data";
}

/** The number a symbol holds everywhere, if it does. */
export function splatValue(sym: Sym): number | undefined {
  return sym.source.kind === "splat" ? sym.source.value : undefined;
}

/** Values of a constant symbol, row-major. */
export function constantValues(sym: Sym): HostValues | undefined {
  if (sym.source.kind === "data") return sym.source.values;
  if (sym.source.kind !== "splat") return undefined;
  const length = sym.shape.reduce((product, dimension) => product * dimension, 1);
  const values = allocate(sym.dtype, length);
  return sym.source.value === 0 ? values : values.fill(sym.source.value);
}

export function allocate(dtype: TensorType, length: number): HostValues {
  if (dtype === "float32") return new Float32Array(length);
  return dtype === "int32" ? new Int32Array(length) : new Uint8Array(length);
}
