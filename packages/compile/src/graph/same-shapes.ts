// One shape for all large tensors of a size.
import { removeDeadCode } from "./dead-code.js";
import { type Edge, type Graph, GraphBuilder, type GraphNode, sizeOf } from "./graph.js";

const elementwise = new Set(["Add", "Sub", "Mul", "Div", "Sigmoid", "QuickGelu"]);

/** Smaller tensors are not worth the reshapes. */
const smallest = 2 ** 22;

/**
 * ONNX Runtime hands a freed buffer on only to a tensor of the same shape, and keeps it until the last of them is freed. So
 * elementwise operations and joined frames are computed on `[rows, columns]`, the last two axes being the columns, which is
 * also the shape of a group norm's rows: images then share buffers whatever is done to them. Reshapes cost nothing.
 */
export function shareShapes(graph: Graph): Graph {
  const builder = new GraphBuilder();
  const flattened = new Map<Edge, Edge>();
  const flat = (edge: Edge, shape: readonly number[]): Edge => {
    const found = [edge, flattened.get(edge)].find((one) => one?.shape.join() === shape.join());
    if (found !== undefined) return found;
    const made = builder.emit("Reshape", [edge, builder.ints(shape)], shape);
    flattened.set(edge, made);
    return made;
  };
  for (const node of graph.nodes) {
    const shapes = flatShapes(node);
    if (shapes === undefined) {
      builder.emitMany(node.op, node.inputs, node.outputs, node);
      continue;
    }
    const [output] = node.outputs as [Edge];
    const inputs = node.inputs.map((edge, index) => flat(edge!, shapes.inputs[index]!));
    const attributes = node.op === "Concat" ? { axis: 0n } : node.attributes;
    const result = builder.emit(node.op, inputs, shapes.output, { ...node, attributes, type: output.type });
    flattened.set(output, result);
    builder.emitMany("Reshape", [result, builder.ints(output.shape)], [output]);
  }
  const constants = new Map([...graph.constants, ...builder.constants]);
  return removeDeadCode({ ...graph, nodes: builder.nodes, constants });
}

/** Shapes with which a node computes the same numbers; undefined when it stays as it is. */
function flatShapes(node: GraphNode): { readonly inputs: number[][]; readonly output: number[] } | undefined {
  const shape = node.outputs[0]!.shape;
  if (sizeOf(shape) < smallest || shape.length < 4) return undefined;
  const columns = sizeOf(shape.slice(-2));
  const output = [sizeOf(shape) / columns, columns];
  if (node.op === "Concat") {
    const axis = Number(node.attributes["axis"]);
    if (axis >= shape.length - 2 || sizeOf(shape.slice(0, axis)) !== 1) return undefined;
    return { inputs: node.inputs.map((edge) => [sizeOf(edge!.shape) / columns, columns]), output };
  }
  if (!elementwise.has(node.op)) return undefined;
  const inputs: number[][] = [];
  for (const edge of node.inputs as readonly Edge[]) {
    const size = sizeOf(edge.shape);
    if (size === sizeOf(shape)) inputs.push(output);
    else if (size === 1) inputs.push([1, 1]);
    else if (size === output[0] && edge.shape.slice(-2).every((length) => length === 1)) inputs.push([size, 1]);
    else return undefined;
  }
  return { inputs, output };
}
