import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../graph/graph.js";
import type { Edge, Graph, GraphNode } from "../../graph/graph.js";
import { encodeModel } from "../../onnx/encode.js";
import { padConvolutionChannels } from "./channels.js";
import { splitFusedMatMul } from "./fused-matmul.js";

interface Case {
  readonly op: string;
  readonly domain?: GraphNode["domain"];
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
  readonly attributes: GraphNode["attributes"];
}

/** A graph of one node whose operands are inputs a, b, c. */
function single({ op, domain, inputs, output, attributes }: Case): Graph {
  const builder = new GraphBuilder();
  const edges = inputs.map((shape): Edge => ({ type: "float32", shape }));
  const y = builder.emit(op, edges, output, { attributes, ...(domain === undefined ? {} : { domain }) });
  return {
    inputs: edges.map((edge, index) => ({ name: "abc"[index]!, edge })),
    outputs: [{ name: "y", edge: y }],
    nodes: builder.nodes,
    constants: builder.constants,
  };
}

async function run(graph: Graph): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(encodeModel(graph, { graphName: "case" }), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const feeds = graph.inputs.map(({ name, edge }, seed) => {
    const size = edge.shape.reduce((product, length) => product * length, 1);
    const values = Float32Array.from({ length: size }, (_, index) => Math.sin(1.3 * index + seed));
    return [name, new ort.Tensor("float32", values, edge.shape)];
  });
  const { y } = await session.run(Object.fromEntries(feeds));
  await session.release();
  return y!;
}

/** The rewritten graph computes what the original does. */
async function agrees(before: Graph, after: Graph): Promise<void> {
  const [expected, actual] = [await run(before), await run(after)];
  expect(actual.dims).toEqual(expected.dims);
  const values = actual.data as Float32Array;
  (expected.data as Float32Array).forEach((value, index) => expect(values[index]).toBeCloseTo(value, 4));
}

const ops = (graph: Graph): string[] => graph.nodes.map(({ op }) => op);

describe("splitFusedMatMul", () => {
  const fused = (
    inputs: Case["inputs"],
    output: Case["output"],
    transA: bigint,
    transB: bigint,
    alpha: number,
  ): Graph =>
    single({ op: "FusedMatMul", domain: "com.microsoft", inputs, output, attributes: { transA, transB, alpha } });

  it.each([
    [
      "matrices",
      [
        [5, 3],
        [4, 5],
      ],
      [3, 4],
      1n,
      1n,
      0.5,
      ["Gemm"],
    ],
    [
      "a batch",
      [
        [2, 3, 5],
        [2, 4, 5],
      ],
      [2, 3, 4],
      0n,
      1n,
      1,
      ["Transpose", "MatMul"],
    ],
    [
      "a scaled batch",
      [
        [2, 1, 5, 3],
        [6, 5, 4],
      ],
      [2, 6, 3, 4],
      1n,
      0n,
      0.25,
      ["Transpose", "MatMul", "Mul"],
    ],
  ] as const)("of %s", async (_, inputs, output, transA, transB, alpha, expected) => {
    const before = fused(inputs, output, transA, transB, alpha);
    const after = splitFusedMatMul(before);
    expect(ops(after)).toEqual(expected);
    await agrees(before, after);
  });

  it("leaves other graphs alone", () => {
    const graph = single({
      op: "MatMul",
      inputs: [
        [2, 3],
        [3, 4],
      ],
      output: [2, 4],
      attributes: {},
    });
    expect(splitFusedMatMul(graph)).toBe(graph);
  });
});

describe("padConvolutionChannels", () => {
  const convolution = (
    channels: number,
    outputs: number,
    options: { group?: number; kernel?: number; stride?: number; bias?: boolean } = {},
  ): Graph => {
    const { group = 1, kernel = 3, stride = 1, bias = true } = options;
    const pad = kernel === 3 ? 1 : 0;
    const size = (length: number): number => Math.floor((length + 2 * pad - kernel) / stride) + 1;
    return single({
      op: "Conv",
      inputs: [[2, channels, 5, 4], [outputs, channels / group, kernel, kernel], ...(bias ? [[outputs]] : [])],
      output: [2, outputs, size(5), size(4)],
      attributes: {
        kernel_shape: { ints: [kernel, kernel] },
        strides: { ints: [stride, stride] },
        pads: { ints: [pad, pad, pad, pad] },
        group: BigInt(group),
      },
    });
  };

  it.each([6, 9, 15, 18])("pads %i input channels", async (channels) => {
    const before = convolution(channels, 8);
    const after = padConvolutionChannels(before);
    const conv = after.nodes.find(({ op }) => op === "Conv")!;
    expect(conv.inputs[0]!.shape[1]! % 4).toBe(0);
    expect(conv.inputs[1]!.shape[1]).toBe(conv.inputs[0]!.shape[1]);
    await agrees(before, after);
  });

  it("pads a filter of one pixel that skips positions", async () => {
    const before = convolution(6, 8, { kernel: 1, stride: 2 });
    const after = padConvolutionChannels(before);
    expect(ops(after)).toContain("Pad");
    await agrees(before, after);
  });

  it.each([
    [2, 5, true],
    [2, 9, false],
    [3, 6, true],
  ])("pads %i groups of %i outputs", async (group, perGroup, bias) => {
    const before = convolution(2 * group, group * perGroup, { group, bias });
    const after = padConvolutionChannels(before);
    const conv = after.nodes.find(({ op }) => op === "Conv")!;
    expect((conv.inputs[1]!.shape[0]! / group) % 4).toBe(0);
    await agrees(before, after);
  });

  it.each([
    ["three channels", convolution(3, 8)],
    ["twelve channels", convolution(12, 8)],
    ["one pixel", convolution(6, 8, { kernel: 1 })],
    ["four outputs a group", convolution(6, 8, { group: 2 })],
    ["one output a group", convolution(6, 6, { group: 6 })],
  ])("leaves %s alone", (_, graph) => {
    expect(padConvolutionChannels(graph)).toBe(graph);
  });

  const transposed = (inputs: number, perGroup: number, group: number): Graph =>
    single({
      op: "ConvTranspose",
      inputs: [
        [2, inputs, 3, 4],
        [inputs, perGroup, 3, 3],
      ],
      output: [2, perGroup * group, 5, 6],
      attributes: { kernel_shape: { ints: [3, 3] }, group: BigInt(group) },
    });

  it("pads transposed groups of one output", async () => {
    const before = transposed(6, 1, 3);
    const after = padConvolutionChannels(before);
    expect(after.nodes.find(({ op }) => op === "ConvTranspose")!.inputs[1]!.shape).toEqual([6, 2, 3, 3]);
    await agrees(before, after);
  });

  it.each([
    [3, 1, 3],
    [6, 2, 3],
    [6, 1, 1],
  ])("leaves %i transposed inputs with %i outputs for each of %i groups alone", (inputs, perGroup, group) => {
    const graph = transposed(inputs, perGroup, group);
    expect(padConvolutionChannels(graph)).toBe(graph);
  });

  it("pads an image once for all convolutions that read it", () => {
    const builder = new GraphBuilder();
    const x: Edge = { type: "float32", shape: [1, 6, 4, 4] };
    const filters = [0, 1].map((): Edge => ({ type: "float32", shape: [4, 6, 3, 3] }));
    for (const filter of filters) builder.emit("Conv", [x, filter], [1, 4, 2, 2], { attributes: { group: 1n } });
    const graph = { inputs: [], outputs: [], nodes: builder.nodes, constants: builder.constants };
    expect(ops(padConvolutionChannels(graph)).filter((op) => op === "Pad")).toHaveLength(3);
  });
});
