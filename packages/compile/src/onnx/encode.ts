// Writes a graph as an ONNX ModelProto. Field numbers are those of onnx.proto3; nothing here is generated.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { AttributeValue, ConstantData, Edge, EdgeType, Graph, GraphNode } from "../graph/graph.js";

/** ONNX operator set and file format the graphs are written for. */
export const OPSET = 21;
const IR_VERSION = 10;

const ELEMENT_TYPES: Readonly<Record<EdgeType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
};

const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7, floats: 6 } as const;

export interface EncodeOptions {
  readonly graphName: string;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Tensors to store in another file: returns where, or undefined to store it inside the model. */
  readonly external?: ((data: ConstantData) => ExternalLocation | undefined) | undefined;
  /** Names of symbolic dimensions, by input or output name and axis. */
  readonly dynamicAxes?: Readonly<Record<string, Readonly<Record<number, string>>>> | undefined;
}

export interface ExternalLocation {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** The bytes of an ONNX model. */
export function encodeModel(graph: Graph, options: EncodeOptions): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  varint(writer, 1, IR_VERSION);
  text(writer, 2, "noisereel");
  message(writer, 7, (w) => encodeGraph(w, graph, options));
  for (const [domain, version] of [
    ["", OPSET],
    ["com.microsoft", 1],
  ] as const) {
    message(writer, 8, (w) => {
      text(w, 1, domain);
      varint(w, 2, version);
    });
  }
  for (const [key, value] of Object.entries(options.metadata ?? {})) {
    message(writer, 14, (w) => {
      text(w, 1, key);
      text(w, 2, value);
    });
  }
  return writer.finish();
}

function encodeGraph(writer: BinaryWriter, graph: Graph, options: EncodeOptions): void {
  const names = new Map<Edge, string>();
  for (const { name, edge } of graph.inputs) names.set(edge, name);
  for (const { name, edge } of graph.outputs) names.set(edge, name);
  const nameOf = (edge: Edge | undefined): string => {
    if (edge === undefined) return "";
    let name = names.get(edge);
    if (name === undefined) {
      name = `t${names.size}`;
      names.set(edge, name);
    }
    return name;
  };
  for (const [index, node] of graph.nodes.entries()) {
    message(writer, 1, (w) => encodeNode(w, node, index, nameOf));
  }
  text(writer, 2, options.graphName);
  for (const [edge, data] of graph.constants) {
    message(writer, 5, (w) => encodeTensor(w, nameOf(edge), edge, data, options.external?.(data)));
  }
  for (const [field, list] of [
    [11, graph.inputs],
    [12, graph.outputs],
  ] as const) {
    for (const { name, edge } of list) {
      message(writer, field, (w) => encodeValueInfo(w, name, edge, options.dynamicAxes?.[name] ?? {}));
    }
  }
}

function encodeNode(
  writer: BinaryWriter,
  node: GraphNode,
  index: number,
  nameOf: (edge: Edge | undefined) => string,
): void {
  for (const edge of node.inputs) text(writer, 1, nameOf(edge));
  for (const edge of node.outputs) text(writer, 2, nameOf(edge));
  text(writer, 3, `${node.op}_${index}`);
  text(writer, 4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, (w) => encodeAttribute(w, name, value));
  }
  if (node.domain !== "") text(writer, 7, node.domain);
}

function encodeAttribute(writer: BinaryWriter, name: string, value: AttributeValue): void {
  text(writer, 1, name);
  if (typeof value === "bigint") {
    writer.tag(3, WireType.Varint).int64(value);
    varint(writer, 20, ATTRIBUTE.int);
  } else if (typeof value === "number") {
    writer.tag(2, WireType.Bit32).float(value);
    varint(writer, 20, ATTRIBUTE.float);
  } else if (typeof value === "string") {
    text(writer, 4, value);
    varint(writer, 20, ATTRIBUTE.string);
  } else if ("ints" in value) {
    for (const item of value.ints) writer.tag(8, WireType.Varint).int64(item);
    varint(writer, 20, ATTRIBUTE.ints);
  } else {
    for (const item of value) writer.tag(7, WireType.Bit32).float(item);
    varint(writer, 20, ATTRIBUTE.floats);
  }
}

function encodeTensor(
  writer: BinaryWriter,
  name: string,
  edge: Edge,
  data: ConstantData,
  external: ExternalLocation | undefined,
): void {
  for (const dimension of edge.shape) writer.tag(1, WireType.Varint).int64(dimension);
  varint(writer, 2, ELEMENT_TYPES[edge.type]);
  text(writer, 8, name);
  if (external === undefined) {
    writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return;
  }
  for (const [key, value] of Object.entries(external)) {
    message(writer, 13, (w) => {
      text(w, 1, key);
      text(w, 2, String(value));
    });
  }
  varint(writer, 14, 1); // DataLocation.EXTERNAL
}

function encodeValueInfo(
  writer: BinaryWriter,
  name: string,
  edge: Edge,
  dynamicAxes: Readonly<Record<number, string>>,
): void {
  text(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      varint(tensor, 1, ELEMENT_TYPES[edge.type]);
      message(tensor, 2, (shape) => {
        for (const [axis, dimension] of edge.shape.entries()) {
          message(shape, 1, (w) => {
            const symbol = dynamicAxes[axis];
            if (symbol === undefined) varint(w, 1, dimension);
            else text(w, 2, symbol);
          });
        }
      });
    }),
  );
}

function varint(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function message(writer: BinaryWriter, field: number, write: (writer: BinaryWriter) => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write(writer);
  writer.join();
}
