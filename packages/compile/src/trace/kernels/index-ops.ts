// Kernels that pick or add by index.
import type { GatherV2Attrs, OneHotAttrs, ScatterNdAttrs, SparseToDenseAttrs } from "@tensorflow/tfjs";
import type { Edge } from "../../graph/graph.js";
import { identity } from "../layout.js";
import { hostSym, splat } from "../symbol.js";
import type { Sym, TensorType } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { castNumber, number } from "./arithmetic.js";
import { compare, select } from "./elementwise.js";
import { attribute, axesOf, input } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";

function int64(tracer: Tracer, indices: Sym): Edge {
  const edge = tracer.edge(indices);
  return tracer.emit("Cast", [edge], edge.shape, { type: "int64", attributes: { to: 7n } });
}

const gather: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const indices = input(inputs, "indices");
  const [axis = 0] = axesOf(attribute<GatherV2Attrs["axis"]>(attributes, "axis"), x.shape.length);
  const batchDims = attribute<GatherV2Attrs["batchDims"]>(attributes, "batchDims") ?? 0;
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...x.shape.slice(axis + 1)];
  if (batchDims === 0) {
    const edge = tracer.emit("Gather", [tracer.edge(x), tracer.edge(indices)], shape, {
      attributes: { axis: BigInt(axis) },
    });
    return tracer.symbol(edge, shape, x.dtype);
  }
  // With batch axes, the axis that is picked from comes right after them.
  const rank = x.shape.length;
  const order = [
    ...identity(batchDims),
    axis,
    ...identity(rank).filter((index) => index >= batchDims && index !== axis),
  ];
  const moved = tracer.edge(x, order);
  const indexEdge = tracer.reshapeEdge(int64(tracer, indices), [...indices.shape, 1]);
  const picked = [...indices.shape, ...moved.shape.slice(batchDims + 1)];
  const edge = tracer.emit("GatherND", [moved, indexEdge], picked, {
    attributes: { batch_dims: BigInt(batchDims) },
  });
  // Memory now has [batch, picked, outer, inner]; the result wants [batch, outer, picked, inner].
  const outer = axis - batchDims;
  const count = indices.shape.length - batchDims;
  const perm = identity(picked.length).map((physical) => {
    if (physical < batchDims) return physical;
    if (physical < batchDims + count) return physical + outer;
    return physical < batchDims + count + outer ? physical - count : physical;
  });
  return tracer.symbol(edge, shape, x.dtype, perm);
};

const gatherNd: Lowering = (tracer, inputs) => {
  const params = input(inputs, "params");
  const indices = input(inputs, "indices");
  const depth = indices.shape.at(-1)!;
  const shape = [...indices.shape.slice(0, -1), ...params.shape.slice(depth)];
  const edge = tracer.emit("GatherND", [tracer.edge(params), int64(tracer, indices)], shape);
  return tracer.symbol(edge, shape, params.dtype);
};

function scatter(tracer: Tracer, into: Sym, indices: Edge, updates: Sym, reduction: "none" | "add"): Sym {
  const updateShape = [...indices.shape.slice(0, -1), ...into.shape.slice(indices.shape.at(-1))];
  const edge = tracer.emit(
    "ScatterND",
    [tracer.edge(into), indices, tracer.reshapeEdge(tracer.edge(tracer.broadcast(updates, updateShape)), updateShape)],
    into.shape,
    { attributes: { reduction } },
  );
  return tracer.symbol(edge, into.shape, into.dtype);
}

const segmentSum: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const ids = input(inputs, "segmentIds");
  const count = attribute<number>(attributes, "numSegments");
  const index = tracer.reshapeEdge(int64(tracer, ids), [...ids.shape, 1]);
  return scatter(tracer, splat([count, ...x.shape.slice(ids.shape.length)], x.dtype, 0), index, x, "add");
};

const oneHot: Lowering = (tracer, inputs, attributes) => {
  const { depth, onValue, offValue, dtype } = attributes as unknown as OneHotAttrs;
  const indices = input(inputs, "indices");
  const type = (dtype ?? "int32") as TensorType;
  const classes = hostSym(
    [depth],
    "int32",
    Int32Array.from({ length: depth }, (_, index) => index),
  );
  const hit = compare(tracer, "Equal", tracer.reshape(indices, [...indices.shape, 1]), classes);
  return select(
    tracer,
    hit,
    number(castNumber(onValue ?? 1, type), type),
    number(castNumber(offValue ?? 0, type), type),
  );
};

const scatterNd: Lowering = (tracer, inputs, attributes) => {
  const shape = attribute<ScatterNdAttrs["shape"]>(attributes, "shape");
  const updates = input(inputs, "updates");
  return scatter(tracer, splat(shape, updates.dtype, 0), int64(tracer, input(inputs, "indices")), updates, "add");
};

/** Adds `updates` to zeros of `size` elements at flat positions: the gradient of picking. */
export function scatterFlat(tracer: Tracer, positions: Edge, updates: Edge, size: number): Edge {
  const zeros = tracer.expandEdge(tracer.graph.constant("float32", Float32Array.of(0), [1]), [size]);
  const count = sizeOf(updates.shape);
  return tracer.emit(
    "ScatterElements",
    [zeros, tracer.reshapeEdge(positions, [count]), tracer.reshapeEdge(updates, [count])],
    [size],
    { attributes: { axis: 0n, reduction: "add" } },
  );
}

const sparseToDense: Lowering = (tracer, inputs, attributes) => {
  const shape = attribute<SparseToDenseAttrs["outputShape"]>(attributes, "outputShape");
  const values = input(inputs, "sparseValues");
  const indices = input(inputs, "sparseIndices");
  const background = tracer.broadcast(input(inputs, "defaultValue"), shape);
  const index = int64(tracer, indices);
  // A scalar is one index, a list is positions in a vector.
  const rank = indices.shape.length;
  const shaped = rank === 2 ? index : tracer.reshapeEdge(index, rank === 0 ? [1, 1] : [...indices.shape, 1]);
  return scatter(tracer, background, shaped, values, "none");
};

const tensorScatterUpdate: Lowering = (tracer, inputs) =>
  scatter(tracer, input(inputs, "tensor"), int64(tracer, input(inputs, "indices")), input(inputs, "updates"), "none");

export const indexKernels: KernelTable = {
  GatherNd: gatherNd,
  GatherV2: gather,
  OneHot: oneHot,
  ScatterNd: scatterNd,
  SparseToDense: sparseToDense,
  TensorScatterUpdate: tensorScatterUpdate,
  UnsortedSegmentSum: segmentSum,
};
