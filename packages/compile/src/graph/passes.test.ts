import { describe, expect, it } from "vitest";
import { mergeCommonSubexpressions } from "./common-subexpressions.js";
import { removeDeadCode } from "./dead-code.js";
import { BatchDependence, freeBatch } from "./dynamic-batch.js";
import { GraphBuilder } from "./graph.js";
import type { Edge, Graph } from "./graph.js";
import { orderLeaves } from "./leaf-order.js";
import { separateOutputs } from "./unique-outputs.js";

const input = (...shape: number[]): Edge => ({ type: "float32", shape });

function graphOf(builder: GraphBuilder, inputs: Edge[], outputs: Edge[]): Graph {
  return {
    nodes: builder.nodes,
    constants: builder.constants,
    inputs: inputs.map((edge, index) => ({ name: `i${index}`, edge })),
    outputs: outputs.map((edge, index) => ({ name: `o${index}`, edge })),
  };
}

const ops = (graph: Graph): string[] => graph.nodes.map((node) => node.op);

describe("removeDeadCode", () => {
  it("drops nodes, constants and inputs nothing depends on", () => {
    const [x, unused] = [input(2), input(2)];
    const builder = new GraphBuilder();
    const y = builder.emit("Neg", [x], [2]);
    builder.emit("Add", [unused, builder.scalar(1)], [2]);
    const graph = removeDeadCode(graphOf(builder, [x, unused], [y]));
    expect(ops(graph)).toEqual(["Neg"]);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["i0"]);
    expect(graph.constants.size).toBe(0);
  });

  it("keeps a node of which one output is used", () => {
    const x = input(2);
    const builder = new GraphBuilder();
    const outputs = [input(2), input(2)];
    builder.emitMany("TopK", [x], outputs);
    expect(ops(removeDeadCode(graphOf(builder, [x], [outputs[1]!])))).toEqual(["TopK"]);
  });
});

describe("mergeCommonSubexpressions", () => {
  it("merges equal chains, and follows them into outputs", () => {
    const x = input(2);
    const builder = new GraphBuilder();
    const chain = (): Edge => builder.emit("Exp", [builder.emit("Neg", [x], [2])], [2]);
    const [a, b] = [chain(), chain()];
    const graph = mergeCommonSubexpressions(graphOf(builder, [x], [a, b]));
    expect(ops(graph)).toEqual(["Neg", "Exp"]);
    expect(graph.outputs[0]!.edge).toBe(graph.outputs[1]!.edge);
  });

  it("tells attributes, domains and operand order apart", () => {
    const [x, y] = [input(2), input(2)];
    const builder = new GraphBuilder();
    const outputs = [
      builder.emit("Sub", [x, y], [2]),
      builder.emit("Sub", [y, x], [2]),
      builder.emit("Gelu", [x], [2]),
      builder.emit("Gelu", [x], [2], { attributes: { approximate: "tanh" } }),
      builder.emit("Gelu", [x], [2], { domain: "com.microsoft" }),
      builder.emit("Softmax", [x], [2], { attributes: { axis: 1n } }),
      builder.emit("Softmax", [x], [2], { attributes: { axis: 1 } }),
    ];
    expect(mergeCommonSubexpressions(graphOf(builder, [x, y], outputs)).nodes).toHaveLength(7);
  });
});

describe("separateOutputs", () => {
  it("copies inputs, constants and repeated edges", () => {
    const x = input(2);
    const builder = new GraphBuilder();
    const y = builder.emit("Neg", [x], [2]);
    const constant = builder.scalar(3);
    const graph = separateOutputs(graphOf(builder, [x], [x, y, y, constant]));
    expect(ops(graph)).toEqual(["Neg", "Identity", "Identity", "Identity"]);
    expect(new Set(graph.outputs.map(({ edge }) => edge)).size).toBe(4);
  });
});

describe("freeBatch", () => {
  const trace = (batch: number, extra: (builder: GraphBuilder, edge: Edge) => Edge): Graph => {
    const x = input(batch, 6);
    const builder = new GraphBuilder();
    const y = builder.emit("Reshape", [x, builder.ints([batch, 2, 3])], [batch, 2, 3]);
    return graphOf(builder, [x], [extra(builder, y)]);
  };

  it("opens the length that differs", () => {
    const neg = (builder: GraphBuilder, edge: Edge): Edge => builder.emit("Neg", [edge], edge.shape);
    const graph = freeBatch(trace(2, neg), trace(5, neg));
    const shape = graph.constants.get(graph.nodes[0]!.inputs[1]!);
    expect([...(shape as BigInt64Array)]).toEqual([-1n, 2n, 3n]);
  });

  it("refuses constants and nodes that depend on the batch", () => {
    const add = (builder: GraphBuilder, edge: Edge): Edge =>
      builder.emit("Add", [edge, builder.scalar(edge.shape[0]!)], edge.shape);
    expect(() => freeBatch(trace(2, add), trace(5, add))).toThrow(BatchDependence);
    const neg = (builder: GraphBuilder, edge: Edge): Edge => builder.emit("Neg", [edge], edge.shape);
    expect(() => freeBatch(trace(2, add), trace(5, neg))).toThrow(/node 1 is Add for one batch size and Neg/);
  });
});

describe("orderLeaves", () => {
  it("puts the nodes that nobody reads last, the deepest first", () => {
    const x = input(2);
    const builder = new GraphBuilder();
    const shallow = builder.emit("Neg", [x], [2]);
    const a = builder.emit("Sin", [x], [2]);
    const b = builder.emit("Cos", [a], [2]);
    const middle = builder.emit("Abs", [a], [2]);
    const deep = builder.emit("Exp", [b], [2]);
    const graph = orderLeaves(graphOf(builder, [x], [shallow, middle, deep]));
    expect(ops(graph)).toEqual(["Sin", "Cos", "Exp", "Abs", "Neg"]);
    expect(graph.outputs.map(({ edge }) => edge)).toEqual([shallow, middle, deep]);
  });
});
