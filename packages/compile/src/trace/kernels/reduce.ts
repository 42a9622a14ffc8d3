// Reductions, softmax and running sums. Axes are mapped to wherever the layout has them.
import type { CumsumAttrs, LogSoftmaxAttrs, SoftmaxAttrs } from "@tensorflow/tfjs";
import type { Edge } from "../../graph/graph.js";
import { inverse } from "../layout.js";
import { splat, splatValue } from "../symbol.js";
import type { Sym, TensorType } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { cast, mul, number } from "./arithmetic.js";
import { attribute, axesOf, input } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";

/**
 * [..., R, K] -> [..., 1, K]: sums of rows, as a product with ones. ORT's ReduceSum takes four times as long over axes
 * that are not the last.
 */
export function sumRows(tracer: Tracer, x: Edge): Edge {
  const rows = x.shape.at(-2)!;
  if (rows === 1) return x;
  const ones = tracer.graph.constant("float32", new Float32Array(rows).fill(1), [1, rows]);
  return tracer.emit("MatMul", [ones, x], [...x.shape.slice(0, -2), 1, x.shape.at(-1)!]);
}

/** The product that a sum over these axes comes to, if it does: axes that follow each other, with a block after them. */
function rowsOf(x: Edge, axes: readonly number[]): readonly [outer: number, rows: number, inner: number] | undefined {
  const [first, last] = [axes[0]!, axes.at(-1)!];
  const between = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  if (x.type !== "float32" || between.some((axis) => x.shape[axis] !== 1 && !axes.includes(axis))) return undefined;
  const outer = sizeOf(x.shape.slice(0, first));
  const rows = sizeOf(x.shape.slice(first, last + 1));
  const inner = sizeOf(x.shape.slice(last + 1));
  // Many small products cost more than they save.
  return inner >= 16 && (outer === 1 || rows * inner >= 1024) ? [outer, rows, inner] : undefined;
}

type ReduceOp = "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceProd";

/** Reduces logical axes; without `keepDims` they disappear. */
export function reduce(tracer: Tracer, op: ReduceOp, x: Sym, axes: readonly number[], keepDims: boolean): Sym {
  const reduced = new Set(axes);
  const kept = x.shape.map((dimension, axis) => (reduced.has(axis) ? 1 : dimension));
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !reduced.has(axis));
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  const constant = splatValue(x);
  if (constant !== undefined && (op === "ReduceSum" || op === "ReduceMean") && x.dtype === "float32") {
    return splat(shape, x.dtype, op === "ReduceSum" ? constant * count : constant);
  }
  const { edge, perm } = tracer.placed(x);
  const where = inverse(perm);
  // A repeated axis needs no adding up: it is a factor.
  const repeated = axes.filter((axis) => edge.shape[where[axis]!] === 1 && x.shape[axis] !== 1);
  if (op === "ReduceProd" && repeated.length > 0) {
    return reduce(tracer, op, tracer.symbol(tracer.edge(x, perm), x.shape, x.dtype, perm), axes, keepDims);
  }
  const factor = op === "ReduceSum" ? sizeOf(repeated.map((axis) => x.shape[axis]!)) : 1;
  const physicalAxes = axes
    .map((axis) => where[axis]!)
    .filter((axis) => edge.shape[axis] !== 1)
    .toSorted((a, b) => a - b);
  const inMemory = edge.shape.map((dimension, axis) => (physicalAxes.includes(axis) ? 1 : dimension));
  let result = edge;
  if (physicalAxes.length > 0) {
    const rows = op === "ReduceSum" ? rowsOf(edge, physicalAxes) : undefined;
    result =
      rows === undefined
        ? tracer.emit(op, [edge, tracer.graph.ints(physicalAxes)], inMemory, { attributes: { keepdims: 1n } })
        : tracer.reshapeEdge(sumRows(tracer, tracer.reshapeEdge(edge, rows)), inMemory);
  }
  const sum = tracer.symbol(result, kept, x.dtype, perm);
  const scaled = factor === 1 ? sum : mul(tracer, sum, number(factor, x.dtype));
  return keepDims ? scaled : tracer.reshape(scaled, shape);
}

function axesAttribute(attributes: Parameters<Lowering>[2], rank: number): number[] {
  // tfjs names the axes of Max differently from those of the other reductions.
  const axis = attributes["axis"] ?? attributes["reductionIndices"];
  return axesOf(axis as number | number[] | undefined, rank);
}

const reduction =
  (op: ReduceOp, prepare: (tracer: Tracer, x: Sym) => Sym): Lowering =>
  (tracer, inputs, attributes) => {
    const x = prepare(tracer, input(inputs, "x"));
    return reduce(tracer, op, x, axesAttribute(attributes, x.shape.length), attribute<boolean>(attributes, "keepDims"));
  };

const unchanged = (_: Tracer, x: Sym): Sym => x;
const countable = (tracer: Tracer, x: Sym): Sym => (x.dtype === "bool" ? cast(tracer, x, "int32") : x);

const booleanReduction =
  (op: "ReduceMin" | "ReduceMax"): Lowering =>
  (tracer, inputs, attributes) => {
    const x = cast(tracer, cast(tracer, input(inputs, "x"), "bool"), "int32");
    const keepDims = attribute<boolean>(attributes, "keepDims");
    return cast(tracer, reduce(tracer, op, x, axesAttribute(attributes, x.shape.length), keepDims), "bool");
  };

const extremeIndex =
  (op: "ArgMax" | "ArgMin"): Lowering =>
  (tracer, inputs, attributes) => {
    const x = countable(tracer, input(inputs, "x"));
    const [axis] = axesOf(attribute<number>(attributes, "axis"), x.shape.length);
    const shape = x.shape.filter((_, index) => index !== axis);
    const index = tracer.emit(op, [tracer.edge(x)], shape, {
      type: "int64",
      attributes: { axis: BigInt(axis!), keepdims: 0n },
    });
    const edge = tracer.emit("Cast", [index], shape, { type: "int32", attributes: { to: 6n } });
    return tracer.symbol(edge, shape, "int32");
  };

/** An op along one axis that keeps the shape, in whatever layout the operand has. */
export function alongAxis(tracer: Tracer, x: Sym, axis: number, emit: (edge: Edge, physicalAxis: number) => Edge): Sym {
  const { perm } = tracer.placed(x);
  const edge = tracer.edge(x, perm);
  return tracer.symbol(emit(edge, inverse(perm)[axis]!), x.shape, x.dtype, perm);
}

const softmax =
  (op: "Softmax" | "LogSoftmax"): Lowering =>
  (tracer, inputs, attributes) => {
    const x = input(inputs, "logits");
    const raw =
      op === "Softmax"
        ? attribute<SoftmaxAttrs["dim"]>(attributes, "dim")
        : attribute<LogSoftmaxAttrs["axis"]>(attributes, "axis");
    const [axis] = axesOf(raw, x.shape.length);
    return alongAxis(tracer, x, axis!, (edge, physical) =>
      tracer.emit(op, [edge], edge.shape, { attributes: { axis: BigInt(physical) } }),
    );
  };

const cumsum: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const [axis] = axesOf(attribute<CumsumAttrs["axis"]>(attributes, "axis"), x.shape.length);
  const flag = (name: string): bigint => (attribute<boolean>(attributes, name) ? 1n : 0n);
  return alongAxis(tracer, x, axis!, (edge, physical) =>
    tracer.emit("CumSum", [edge, tracer.graph.scalar(physical, "int64")], edge.shape, {
      attributes: { exclusive: flag("exclusive"), reverse: flag("reverse") },
    }),
  );
};

const topK: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const k = attribute<number>(attributes, "k");
  const shape = [...x.shape.slice(0, -1), k];
  const values = { type: x.dtype, shape };
  const indices = { type: "int64" as const, shape };
  tracer.graph.emitMany("TopK", [tracer.edge(x), tracer.graph.ints([k])], [values, indices], {
    attributes: { axis: -1n },
  });
  const narrow = tracer.emit("Cast", [indices], shape, { type: "int32", attributes: { to: 6n } });
  return [tracer.symbol(values, shape, x.dtype), tracer.symbol(narrow, shape, "int32")];
};

const float =
  (dtype: TensorType) =>
  (tracer: Tracer, x: Sym): Sym =>
    cast(tracer, x, dtype);

export const reduceKernels: KernelTable = {
  All: booleanReduction("ReduceMin"),
  Any: booleanReduction("ReduceMax"),
  ArgMax: extremeIndex("ArgMax"),
  ArgMin: extremeIndex("ArgMin"),
  Cumsum: cumsum,
  LogSoftmax: softmax("LogSoftmax"),
  Max: reduction("ReduceMax", unchanged),
  Mean: reduction("ReduceMean", float("float32")),
  Min: reduction("ReduceMin", unchanged),
  Prod: reduction("ReduceProd", countable),
  Softmax: softmax("Softmax"),
  Sum: reduction("ReduceSum", countable),
  TopK: topK,
};
