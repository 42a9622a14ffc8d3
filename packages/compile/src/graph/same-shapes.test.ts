import { describe, expect, it } from "vitest";
import { GraphBuilder, type Edge } from "./graph.js";
import { shareShapes } from "./same-shapes.js";

const clip = [1, 16, 8, 256, 256]; // 8 Mi elements
const rows = [128, 65536];

/** The nodes after the pass, as `op[shape]`. */
function after(build: (builder: GraphBuilder, x: Edge) => Edge, shape: readonly number[] = clip): string[] {
  const builder = new GraphBuilder();
  const x: Edge = { type: "float32", shape };
  const edge = build(builder, x);
  const graph = {
    inputs: [{ name: "x", edge: x }],
    outputs: [{ name: "y", edge }],
    nodes: builder.nodes,
    constants: builder.constants,
  };
  const shared = shareShapes(graph);
  expect(shared.outputs[0]!.edge).toBe(edge);
  return shared.nodes.map(({ op, outputs }) => `${op}[${outputs[0]!.shape.join()}]`);
}

describe("shareShapes", () => {
  it("computes a chain on rows and columns, with one reshape at each end", () => {
    const nodes = after((builder, x) => {
      const scale = builder.constant("float32", new Float32Array(128), [1, 16, 8, 1, 1]);
      const y = builder.emit("Mul", [x, scale], clip);
      return builder.emit("Mul", [y, builder.emit("Sigmoid", [y], clip)], clip);
    });
    expect(nodes).toEqual([
      `Reshape[${rows.join()}]`,
      "Reshape[128,1]",
      `Mul[${rows.join()}]`,
      `Sigmoid[${rows.join()}]`,
      `Mul[${rows.join()}]`,
      `Reshape[${clip.join()}]`,
    ]);
  });

  it("joins frames as rows", () => {
    const half = [1, 8, 8, 256, 256];
    const nodes = after((builder, x) => builder.emit("Concat", [x, x], clip, { attributes: { axis: 1n } }), half);
    expect(nodes).toEqual([`Reshape[64,65536]`, `Concat[${rows.join()}]`, `Reshape[${clip.join()}]`]);
  });

  it.each<[string, (builder: GraphBuilder, x: Edge) => Edge, readonly number[]]>([
    ["small tensors", (builder, x) => builder.emit("Sigmoid", [x], x.shape), [1, 4, 8, 8, 8]],
    [
      "values shared between rows",
      (builder, x) => builder.emit("Mul", [x, builder.constant("float32", new Float32Array(8), [8, 1, 1])], clip),
      clip,
    ],
    [
      "joined columns",
      (builder, x) => builder.emit("Concat", [x, x], clip, { attributes: { axis: 4n } }),
      [1, 16, 8, 256, 128],
    ],
    [
      "joins of several clips",
      (builder, x) => builder.emit("Concat", [x, x], [2, ...clip.slice(1)], { attributes: { axis: 1n } }),
      [2, 8, 8, 256, 256],
    ],
  ])("leaves %s", (_, build, shape) => {
    expect(after(build, shape)).toHaveLength(1);
  });
});
