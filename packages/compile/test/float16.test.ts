// The rewrite to half precision. ONNX Runtime's CPU provider computes such graphs too, so the numbers can be checked.
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { attentionBlock, convolutionBlock } from "../../testing/src/contracts/executor-models.js";
import type { Edge, Graph } from "../src/graph/graph.js";
import { Executable } from "../src/executable.js";
import { compile } from "../src/index.js";
import { encodeModel } from "../src/onnx/encode.js";
import { Device } from "../src/session/device.js";
import { bakeInputs, finishGraph } from "../src/session/program.js";
import { toHalfPrecision } from "../src/session/targets/float16.js";
import { layOut } from "../src/session/variables.js";
import { tensorType } from "../src/trace/backend.js";
import { traceFunction } from "../src/trace/trace.js";
import type { TensorFunction } from "../src/trace/trace.js";
import { whyNot } from "./providers.js";

beforeAll(() => tf.setBackend("cpu"));

/** The graph of a function of `x`, with its variables as constants. */
async function graphOf(fn: TensorFunction, x: tf.Tensor): Promise<Graph> {
  const trace = traceFunction(fn, { x: { shape: x.shape, dtype: tensorType(x.dtype, "x") } });
  const values = new Map<Edge, Awaited<ReturnType<typeof layOut>>>();
  for (const { variable, perm, read } of trace.variables) {
    if (read !== undefined) values.set(read, await layOut(variable, perm));
  }
  return bakeInputs(finishGraph(trace), values);
}

async function run(graph: Graph, x: tf.Tensor): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(encodeModel(graph, { graphName: "half" }), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const results = await session.run({ "in/x": new ort.Tensor("float32", await x.data<"float32">(), x.shape) });
  await session.release();
  return results["out/y"]!.data as Float32Array;
}

/** Element types of the first inputs of all nodes of an operation. */
function typesOf(graph: Graph, op: string): string[] {
  return [...new Set(graph.nodes.filter((node) => node.op === op).map((node) => node.inputs[0]!.type))];
}

describe("toHalfPrecision", () => {
  it.each([
    ["convolution, group norm, upsampling", convolutionBlock, ["Conv"]],
    ["layer norm, attention, feed-forward", attentionBlock, ["MatMul"]],
  ] as const)("of %s loses no more than rounding", async (_, block, products) => {
    const { fn, inputs } = block({ gradients: false });
    const { x } = inputs();
    const before = await graphOf(fn, x!);
    const after = toHalfPrecision(before);
    for (const op of products) expect(typesOf(after, op)).toEqual(["float16"]);
    for (const op of ["LayerNormalization", "MultiHeadAttention"]) {
      expect(typesOf(after, op)).toEqual(typesOf(before, op));
    }
    expect(after.inputs.map(({ edge }) => edge.type)).toEqual(["float32"]);
    expect(after.outputs.map(({ edge }) => edge.type)).toEqual(["float32"]);
    const [expected, actual] = [await run(before, x!), await run(after, x!)];
    const largest = Math.max(...expected.map(Math.abs));
    const error = Math.max(...expected.map((value, index) => Math.abs(value - actual[index]!)));
    // 11 bits through a handful of layers.
    expect(error / largest).toBeLessThan(4e-3);
    expect(error).toBeGreaterThan(1e-6);
  });

  it("stores constants with 16 bits", async () => {
    const weight = tf.variable(tf.randomNormal([64, 64], 0, 1, "float32", 1));
    const graph = await graphOf(({ x }) => ({ y: tf.matMul(x as tf.Tensor2D, weight) }), tf.ones([2, 64]));
    const bytes = (of: Graph): number => [...of.constants.values()].reduce((sum, data) => sum + data.byteLength, 0);
    expect(bytes(graph)).toBe(64 * 64 * 4);
    expect(bytes(toHalfPrecision(graph))).toBe(64 * 64 * 2);
  });

  it("keeps softmax, reductions and what feeds only them in single precision", async () => {
    const graph = await graphOf(
      ({ x }) => {
        const h = tf.matMul(x as tf.Tensor2D, tf.ones([4, 4]));
        // Squares of values above 256 do not fit into float16.
        return { y: tf.mul(tf.softmax(h), tf.mean(tf.square(h))) };
      },
      tf.fill([2, 4], 100),
    );
    const after = toHalfPrecision(graph);
    expect(typesOf(after, "MatMul")).toEqual(["float16"]);
    expect(typesOf(after, "Softmax")).toEqual(["float32"]);
    expect(typesOf(after, "ReduceMean")).toEqual(["float32"]);
    expect([...(await run(after, tf.fill([2, 4], 100)))].every((value) => value === 40000)).toBe(true);
  });

  it("keeps nodes with constants beyond its range in single precision", async () => {
    const x = tf.tensor2d([1, 0, 0, 1], [2, 2]);
    const graph = await graphOf(
      ({ x }) => ({
        y: tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D), tf.tensor2d([0, -1e9, 1e6, 0], [2, 2]))),
      }),
      x,
    );
    expect([...(await run(toHalfPrecision(graph), x))]).toEqual([1, 0, 1e6, 1]);
  });

  it("casts an edge once for all its users", async () => {
    const graph = await graphOf(
      ({ x }) => {
        const image = x as tf.Tensor2D;
        return { y: tf.add(tf.matMul(image, image), tf.matMul(image, tf.transpose(image))) };
      },
      tf.ones([3, 3]),
    );
    const casts = toHalfPrecision(graph).nodes.filter(({ op }) => op === "Cast");
    expect(casts).toHaveLength(3); // x down, each product up to the sum
  });
});

const reason = await whyNot("webgpu", { precision: "float16" });
if (reason !== undefined) console.warn(`float16 on webgpu is not tested: ${reason}`);

describe('precision: "float16"', () => {
  it("computes on webgpu", async (context) => {
    context.skip(reason !== undefined, reason);
    for (const block of [convolutionBlock, attentionBlock]) {
      const { fn, inputs } = block({ gradients: false });
      const { x } = inputs();
      const compiled = compile(fn, { provider: "webgpu", precision: "float16", weights: "constant" });
      const [expected, { y }] = [await fn({ x: x! })["y"]!.data(), await compiled.run({ x: x! })];
      const actual = await y!.data();
      compiled.dispose();
      const largest = Math.max(...expected.map(Math.abs));
      expect(Math.max(...expected.map((value, index) => Math.abs(value - actual[index]!))) / largest).toBeLessThan(
        1e-2,
      );
    }
  });

  it("is refused for functions that assign variables", async () => {
    const count = tf.variable(tf.scalar(0));
    const device = new Device({ ort, provider: "webgpu", precision: "float16", preallocates: false, exclusive: false });
    const compiled = new Executable(
      () => Promise.resolve(device),
      () => {
        count.assign(tf.add(count, 1));
        return {};
      },
      { name: "counts" },
    );
    await expect(compiled.run({})).rejects.toThrow(/"counts" assigns variables.*is for inference/);
  });

  it("is refused where it brings nothing", async () => {
    const compiled = compile(({ x }) => ({ y: tf.neg(x!) }), { precision: "float16" });
    await expect(compiled.run({ x: tf.scalar(1) })).rejects.toThrow(
      /precision is "float16", but the cpu provider computes with 32 bits.*Use "float32"/,
    );
  });
});
