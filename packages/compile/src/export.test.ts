import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exportOnnx } from "./index.js";

let folder = "";

beforeAll(async () => {
  await tf.setBackend("cpu");
  folder = await mkdtemp(join(tmpdir(), "noisereel-export-"));
});

afterAll(() => rm(folder, { recursive: true }));

async function runPlain(model: string | Uint8Array, x: tf.Tensor): Promise<ort.Tensor> {
  const options = { intraOpNumThreads: 1 };
  const session = await (typeof model === "string"
    ? ort.InferenceSession.create(model, options)
    : ort.InferenceSession.create(model, options));
  const { y } = await session.run({ x: new ort.Tensor("float32", await x.data<"float32">(), x.shape) });
  await session.release();
  return y!;
}

function convolution(): { fn: (inputs: Readonly<Record<string, tf.Tensor>>) => { y: tf.Tensor }; weight: tf.Variable } {
  const weight = tf.variable(tf.randomNormal([3, 3, 2, 40], 0, 1, "float32", 5));
  return {
    weight,
    fn: ({ x }) => {
      const h = tf.relu(tf.conv2d(x as tf.Tensor4D, weight as tf.Tensor4D, 1, "same"));
      return { y: tf.reshape(tf.mean(h, [1, 2]), [x!.shape[0], 4, 10]) };
    },
  };
}

describe("exportOnnx", () => {
  it("writes a model that plain ONNX Runtime runs", async () => {
    const { fn } = convolution();
    const x = tf.randomNormal([2, 5, 4, 2], 0, 1, "float32", 6);
    const path = join(folder, "model.onnx");
    const bytes = await exportOnnx(fn, { x }, { path, name: "conv", metadata: { author: "me" } });
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0);
    expect(Buffer.from(bytes).includes("author")).toBe(true);
    const y = await runPlain(path, x);
    expect(y.dims).toEqual([2, 4, 10]);
    const expected = await fn({ x }).y.data();
    expected.forEach((value, index) => expect(y.data[index]).toBeCloseTo(value, 5));
  });

  it("leaves the batch size open", async () => {
    const { fn } = convolution();
    const bytes = await exportOnnx(fn, { x: tf.zeros([2, 5, 4, 2]) }, { dynamicBatch: true });
    const x = tf.randomNormal([7, 5, 4, 2], 0, 1, "float32", 7);
    const y = await runPlain(bytes, x);
    expect(y.dims).toEqual([7, 4, 10]);
    const expected = await fn({ x }).y.data();
    expected.forEach((value, index) => expect(y.data[index]).toBeCloseTo(value, 5));
  });

  it("refuses an open batch size where the function depends on it", async () => {
    await expect(
      exportOnnx(
        ({ x }) => ({ y: tf.add(x!, tf.range(0, x!.shape[0])) }),
        { x: tf.zeros([3]) },
        { dynamicBatch: true },
      ),
    ).rejects.toThrow(/constant of Add depends on the batch size/);
  });

  it("stores weights beside the model", async () => {
    const { fn, weight } = convolution();
    const path = join(folder, "external.onnx");
    const x = tf.randomNormal([1, 5, 4, 2], 0, 1, "float32", 8);
    const bytes = await exportOnnx(fn, { x }, { path, externalData: true });
    expect((await stat(`${path}.data`)).size).toBe(weight.size * 4);
    expect(bytes.byteLength).toBeLessThan(weight.size * 4);
    const y = await runPlain(path, x);
    const expected = await fn({ x }).y.data();
    expected.forEach((value, index) => expect(y.data[index]).toBeCloseTo(value, 5));
  });

  it("refuses what an .onnx file cannot hold", async () => {
    const count = tf.variable(tf.scalar(0));
    const counts = ({ x }: Readonly<Record<string, tf.Tensor>>): { y: tf.Tensor } => {
      count.assign(tf.add(count, 1));
      return { y: tf.add(x!, count) };
    };
    await expect(exportOnnx(counts, { x: tf.zeros([1]) })).rejects.toThrow(/assigns the variable/);
    await expect(exportOnnx(({ x }) => ({ x: tf.neg(x!) }), { x: tf.zeros([1]) })).rejects.toThrow(/different names/);
  });
});
