// Turns symbols into edges: decides layouts, and carries out moves and repetitions as late as possible.
import { GraphBuilder, sizeOf } from "../graph/graph.js";
import type { Edge, EdgeType, GraphNode } from "../graph/graph.js";
import { identity, inverse, isFreeMove, isIdentity, permuteShape, permuteValues, reshapeLayout } from "./layout.js";
import type { Permutation } from "./layout.js";
import { hostSym, splat } from "./symbol.js";
import type { HostValues, Placed, Sym, TensorType } from "./symbol.js";

export interface TracerOptions {
  /**
   * Whether variables become constants of the graph. ONNX Runtime then lays filters out in blocks of channels and adds up
   * convolutions as it goes, which makes other lowerings the best.
   */
  readonly constantWeights?: boolean | undefined;
}

export class Tracer {
  readonly graph = new GraphBuilder();
  readonly constantWeights: boolean;
  private readonly hostEdges = new WeakMap<HostValues, Map<string, Edge>>();

  constructor(options: TracerOptions = {}) {
    this.constantWeights = options.constantWeights ?? false;
  }

  /** Shorthand for a node of the graph. */
  emit(
    op: string,
    inputs: readonly (Edge | undefined)[],
    shape: readonly number[],
    options: { type?: EdgeType; attributes?: GraphNode["attributes"]; domain?: GraphNode["domain"] } = {},
  ): Edge {
    return this.graph.emit(op, inputs, shape, options);
  }

  /** A symbol for an edge that lies row-major, or as `perm` says. */
  symbol(edge: Edge, shape: readonly number[], dtype: TensorType, perm: Permutation = identity(shape.length)): Sym {
    return { shape, dtype, source: { kind: "edge", edge, perm } };
  }

  /** The edge of a symbol in whatever layout it has; `preferred` decides for symbols that have none yet. */
  placed(sym: Sym, preferred: Permutation = identity(sym.shape.length)): Placed {
    const { source } = sym;
    if (source.kind === "edge") return source;
    if (source.kind === "pending") {
      const placed = source.force(preferred);
      sym.source = { kind: "edge", ...placed };
      return placed;
    }
    let edge: Edge;
    if (source.kind === "splat") {
      // One element, repeated lazily.
      const scalar = this.graph.scalar(source.value, sym.dtype);
      edge = this.reshapeEdge(
        scalar,
        sym.shape.map(() => 1),
      );
    } else {
      edge = this.hostEdge(source.values, sym.shape, sym.dtype, preferred);
    }
    return { edge, perm: preferred };
  }

  /**
   * The edge of a symbol in exactly this layout. With `broadcast`, axes that only repeat may still have length 1;
   * otherwise the edge has the symbol's full size.
   */
  edge(sym: Sym, perm: Permutation = identity(sym.shape.length), options: { broadcast?: boolean } = {}): Edge {
    const placed = this.placed(sym, perm);
    const moved = this.move(placed.edge, placed.perm, perm);
    // Who comes later had better use the new layout too; moving back is free, it gives the edge of before.
    if (this.graph.producer(moved)?.op === "Transpose" && moved !== placed.edge) {
      sym.source = { kind: "edge", edge: moved, perm };
    }
    return options.broadcast === true ? moved : this.expandEdge(moved, permuteShape(sym.shape, perm));
  }

  /** Moves an edge from one layout to another. */
  move(edge: Edge, from: Permutation, to: Permutation): Edge {
    const where = inverse(from);
    const order = to.map((axis) => where[axis]!);
    if (isIdentity(order)) return edge;
    const shape = permuteShape(edge.shape, order);
    if (isFreeMove(identity(order.length), order, edge.shape)) return this.reshapeEdge(edge, shape);
    return this.transposeEdge(edge, order);
  }

  transposeEdge(edge: Edge, order: Permutation): Edge {
    if (isIdentity(order)) return edge;
    const producer = this.graph.producer(edge);
    const earlier = producer?.op === "Transpose" ? producer.attributes["perm"] : undefined;
    if (producer !== undefined && typeof earlier === "object" && "ints" in earlier) {
      // Two moves in a row are one.
      return this.transposeEdge(
        producer.inputs[0]!,
        order.map((axis) => earlier.ints[axis]!),
      );
    }
    return this.emit("Transpose", [edge], permuteShape(edge.shape, order), { attributes: { perm: { ints: order } } });
  }

  reshapeEdge(edge: Edge, shape: readonly number[]): Edge {
    if (sameShape(edge.shape, shape)) return edge;
    const producer = this.graph.producer(edge);
    if (producer?.op === "Reshape") return this.reshapeEdge(producer.inputs[0]!, shape);
    return this.emit("Reshape", [edge, this.graph.ints(shape)], shape);
  }

  expandEdge(edge: Edge, shape: readonly number[]): Edge {
    if (sameShape(edge.shape, shape)) return edge;
    // Only what is repeated is written out: a 1 keeps whatever length the edge has.
    const repeats = shape.map((dimension, axis) => (edge.shape.at(axis - shape.length) === dimension ? 1 : dimension));
    return this.emit("Expand", [edge, this.graph.ints(repeats)], shape);
  }

  reshape(sym: Sym, shape: readonly number[]): Sym {
    const { source } = sym;
    if (source.kind === "splat") return splat(shape, sym.dtype, source.value);
    if (source.kind === "data") return hostSym(shape, sym.dtype, source.values);
    if (sameShape(sym.shape, shape)) return sym;
    const { edge, perm } = this.placed(sym);
    const kept = reshapeLayout(sym.shape, edge.shape, perm, shape);
    if (kept !== undefined) {
      return this.symbol(this.reshapeEdge(edge, kept.physicalShape), shape, sym.dtype, kept.perm);
    }
    return this.symbol(this.reshapeEdge(this.edge(sym), shape), shape, sym.dtype);
  }

  /** tf.transpose: no element moves. */
  transpose(sym: Sym, axes: readonly number[]): Sym {
    const shape = permuteShape(sym.shape, axes);
    if (sym.source.kind === "splat") return splat(shape, sym.dtype, sym.source.value);
    if (sym.source.kind === "data") {
      return hostSym(shape, sym.dtype, permuteValues(sym.source.values, sym.shape, axes));
    }
    const { edge, perm } = this.placed(sym);
    const newAxis = inverse(axes);
    return this.symbol(
      edge,
      shape,
      sym.dtype,
      perm.map((axis) => newAxis[axis]!),
    );
  }

  /** Repeats a symbol to a larger shape, following NumPy's rules, without touching memory. */
  broadcast(sym: Sym, shape: readonly number[]): Sym {
    if (sameShape(sym.shape, shape)) return sym;
    if (sym.source.kind === "splat") return splat(shape, sym.dtype, sym.source.value);
    const aligned = this.reshape(sym, alignShape(sym.shape, shape.length));
    const { edge, perm } = this.placed(aligned);
    return this.symbol(edge, shape, sym.dtype, perm);
  }

  private hostEdge(values: HostValues, shape: readonly number[], dtype: TensorType, perm: Permutation): Edge {
    let layouts = this.hostEdges.get(values);
    if (layouts === undefined) {
      layouts = new Map();
      this.hostEdges.set(values, layouts);
    }
    const key = `${shape.join()}|${perm.join()}`;
    let edge = layouts.get(key);
    if (edge === undefined) {
      edge = this.graph.constant(dtype, permuteValues(values, shape, perm), permuteShape(shape, perm));
      layouts.set(key, edge);
    }
    return edge;
  }
}

/** `shape` with leading ones up to `rank`. */
export function alignShape(shape: readonly number[], rank: number): number[] {
  return [...Array.from({ length: rank - shape.length }, () => 1), ...shape];
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** NumPy's broadcast of shapes that are known to fit. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const dims = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1);
    return dims.find((dimension) => dimension !== 1) ?? 1;
  });
}

export { sizeOf };
