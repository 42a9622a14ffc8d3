// What every family of kernels shares.
import type { NamedAttrMap } from "@tensorflow/tfjs";
import type { Sym } from "../symbol.js";
import type { Tracer } from "../tracer.js";

/** Inputs of a kernel by tfjs's names; ops that take a list number theirs. */
export type KernelInputs = Readonly<Record<string, Sym>>;

/** Writes one tfjs kernel into the graph. */
export type Lowering = (tracer: Tracer, inputs: KernelInputs, attributes: NamedAttrMap) => Sym | Sym[];

export type KernelTable = Readonly<Record<string, Lowering>>;

/** A required input; tfjs guarantees it. */
export function input(inputs: KernelInputs, name: string): Sym {
  const sym = inputs[name];
  if (sym === undefined) throw new Error(`the kernel was called without its input "${name}"`);
  return sym;
}

/** Inputs of a kernel that takes a list, in order. */
export function inputList(inputs: KernelInputs): Sym[] {
  return Object.keys(inputs)
    .toSorted((a, b) => Number(a) - Number(b))
    .map((key) => inputs[key]!);
}

/** An attribute, as the type tfjs documents for it. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- one cast here instead of one at each use
export function attribute<T>(attributes: NamedAttrMap, name: string): T {
  return attributes[name] as T;
}

/** Axes of a tfjs axis argument: undefined is all of them, negative ones count from the end. */
export function axesOf(axis: number | readonly number[] | undefined | null, rank: number): number[] {
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, index) => index);
  const list = typeof axis === "number" ? [axis] : axis;
  return list.map((value) => (value < 0 ? value + rank : value));
}
