// The graph between a trace and its ONNX encoding: nodes in execution order, edges with known types and shapes.
import { float16Bits } from "./float16.js";

/** Element types an edge can have. Those after `bool` exist only inside a graph: tfjs has no such tensors. */
export type EdgeType = "float32" | "int32" | "bool" | "int64" | "float64" | "uint8" | "float16";

/** One tensor of the graph. Identity matters: two edges are the same tensor only if they are the same object. */
export interface Edge {
  readonly type: EdgeType;
  readonly shape: readonly number[];
}

export type AttributeValue = number | bigint | string | readonly number[] | { readonly ints: readonly number[] };

export interface GraphNode {
  readonly op: string;
  /** "" is the ONNX standard set. */
  readonly domain: "" | "com.microsoft";
  /** undefined stands for an optional input left out. */
  readonly inputs: readonly (Edge | undefined)[];
  readonly outputs: readonly Edge[];
  /** Integers are bigints, floats are numbers, `ints` a list of integers; the encoder keeps them apart. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** A Uint16Array holds the bits of float16 numbers. */
export type ConstantData = Float32Array | Int32Array | Uint8Array | BigInt64Array | Float64Array | Uint16Array;

export interface NamedEdge {
  readonly name: string;
  readonly edge: Edge;
}

export interface Graph {
  readonly inputs: readonly NamedEdge[];
  readonly outputs: readonly NamedEdge[];
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<Edge, ConstantData>;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Collects the nodes of one trace. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly constants = new Map<Edge, ConstantData>();
  private readonly producers = new Map<Edge, GraphNode>();
  private readonly small = new Map<string, Edge>();

  /** Appends a node with one output. */
  emit(
    op: string,
    inputs: readonly (Edge | undefined)[],
    shape: readonly number[],
    options: { type?: EdgeType; attributes?: GraphNode["attributes"]; domain?: GraphNode["domain"] } = {},
  ): Edge {
    const edge: Edge = { type: options.type ?? inputs[0]?.type ?? "float32", shape };
    this.emitMany(op, inputs, [edge], options);
    return edge;
  }

  /** Appends a node with the given outputs. */
  emitMany(
    op: string,
    inputs: readonly (Edge | undefined)[],
    outputs: readonly Edge[],
    options: { attributes?: GraphNode["attributes"]; domain?: GraphNode["domain"] } = {},
  ): void {
    const node: GraphNode = {
      op,
      domain: options.domain ?? "",
      inputs,
      outputs,
      attributes: options.attributes ?? {},
    };
    this.nodes.push(node);
    for (const edge of outputs) this.producers.set(edge, node);
  }

  producer(edge: Edge): GraphNode | undefined {
    return this.producers.get(edge);
  }

  constant(type: EdgeType, data: ConstantData, shape: readonly number[]): Edge {
    // Small constants (axes, shapes, scalars) are shared, so that equal nodes stay recognisably equal.
    if (data.length > 64) return this.addConstant(type, data, shape);
    const key = `${type}|${shape.join()}|${[...data].map((value) => (Object.is(value, -0) ? "-0" : String(value))).join()}`;
    let edge = this.small.get(key);
    if (edge === undefined) {
      edge = this.addConstant(type, data, shape);
      this.small.set(key, edge);
    }
    return edge;
  }

  /** A 1-D int64 constant: the form in which ONNX takes shapes, axes and indices. */
  ints(values: readonly number[]): Edge {
    return this.constant("int64", BigInt64Array.from(values, BigInt), [values.length]);
  }

  scalar(value: number, type: EdgeType = "float32"): Edge {
    return this.constant(type, scalarData(value, type), []);
  }

  private addConstant(type: EdgeType, data: ConstantData, shape: readonly number[]): Edge {
    const edge: Edge = { type, shape };
    this.constants.set(edge, data);
    return edge;
  }
}

function scalarData(value: number, type: EdgeType): ConstantData {
  switch (type) {
    case "float32":
      return Float32Array.of(value);
    case "float64":
      return Float64Array.of(value);
    case "int32":
      return Int32Array.of(value);
    case "int64":
      return BigInt64Array.of(BigInt(value));
    case "float16":
      return Uint16Array.of(float16Bits(value));
    case "bool":
    case "uint8":
      return Uint8Array.of(value);
  }
}
