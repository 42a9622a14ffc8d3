import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CompileError, compile } from "./index.js";
import type { TensorFunction } from "./index.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

afterAll(() => {
  tf.disposeVariables();
});

async function values(tensor: tf.Tensor | undefined): Promise<number[]> {
  return Array.from(await tensor!.data());
}

/** Two-layer network and its loss; `step` trains it with the optimizer. */
function network(name: string): {
  variables: tf.Variable[];
  loss: (x: tf.Tensor, y: tf.Tensor) => tf.Scalar;
} {
  const w1 = tf.variable(tf.randomNormal([3, 8], 0, 1, "float32", 1), true, `${name}/w1`);
  const b1 = tf.variable(tf.zeros([8]), true, `${name}/b1`);
  const w2 = tf.variable(tf.randomNormal([8, 1], 0, 1, "float32", 2), true, `${name}/w2`);
  return {
    variables: [w1, b1, w2],
    loss: (x, y) =>
      tf.tidy(() => {
        const hidden = tf.tanh(tf.add(tf.matMul(x as tf.Tensor2D, w1 as tf.Tensor2D), b1));
        return tf.mean(tf.squaredDifference(tf.matMul(hidden as tf.Tensor2D, w2 as tf.Tensor2D), y)).asScalar();
      }),
  };
}

describe("compile", () => {
  it("computes what tfjs computes, and traces each shape once", async () => {
    const fn: TensorFunction = ({ x, y }) => ({ sum: tf.add(x!, y!), mean: tf.mean(tf.mul(x!, 2)) });
    const compiled = compile(fn);
    for (const length of [3, 4, 3]) {
      const x = tf.range(0, length);
      const y = tf.ones([length]);
      const result = await compiled.run({ x, y });
      expect(await values(result["sum"])).toEqual(await values(tf.add(x, y)));
      expect(await values(result["mean"])).toEqual([length - 1]);
      expect(x.isDisposed).toBe(false);
    }
    expect(compiled.stats.map(({ signature }) => signature)).toEqual([
      "x: float32[4], y: float32[4]",
      "x: float32[3], y: float32[3]",
    ]);
    compiled.dispose();
  });

  it("reads variables at their current value", async () => {
    const w = tf.variable(tf.tensor1d([1, 2, 3]));
    const compiled = compile(({ x }) => ({ y: tf.mul(x!, w) }));
    const x = tf.tensor1d([1, 1, 2]);
    expect(await values((await compiled.run({ x }))["y"])).toEqual([1, 2, 6]);
    w.assign(tf.tensor1d([4, 5, 6]));
    expect(await values((await compiled.run({ x }))["y"])).toEqual([4, 5, 12]);
    compiled.dispose();
  });

  it.each(["sgd", "momentum", "adam"] as const)("trains like eager tfjs with tf.train.%s", async (kind) => {
    const make = {
      sgd: () => tf.train.sgd(0.1),
      momentum: () => tf.train.momentum(0.1, 0.9),
      adam: () => tf.train.adam(0.05),
    };
    const x = tf.randomNormal([16, 3], 0, 1, "float32", 3);
    const y = tf.sum(x, 1, true);
    const eager = network(`${kind}-eager`);
    const eagerOptimizer = make[kind]();
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      const loss = eagerOptimizer.minimize(() => eager.loss(x, y), true, eager.variables)!;
      losses.push(loss.dataSync()[0]!);
    }
    const traced = network(`${kind}-traced`);
    const optimizer = make[kind]();
    const step = compile(({ x, y }) => ({
      loss: optimizer.minimize(() => traced.loss(x!, y!), true, traced.variables)!,
    }));
    for (const expected of losses) {
      const { loss } = await step.run({ x, y });
      expect(loss!.dataSync()[0]).toBeCloseTo(expected, 5);
    }
    await step.sync();
    for (const [index, variable] of traced.variables.entries()) {
      const difference = tf.max(tf.abs(tf.sub(variable, eager.variables[index]!))).dataSync()[0];
      expect(difference).toBeLessThan(1e-5);
    }
    step.dispose();
  });

  it("restores backend, variables and Math.random when the function throws", async () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const { dataId } = w;
    const { random } = Math;
    const compiled = compile(() => {
      tf.mul(w, 2);
      throw new RangeError("mine");
    });
    await expect(compiled.run({})).rejects.toThrow(RangeError);
    expect(tf.getBackend()).toBe("cpu");
    expect(w.dataId).toBe(dataId);
    expect(Math.random).toBe(random);
    expect(await values(tf.mul(w, 2))).toEqual([2, 4]);
  });

  it("keeps captured tensors usable", async () => {
    const table = tf.tensor1d([1, 2, 3]);
    const compiled = compile(({ x }) => ({ y: tf.add(x!, table) }));
    const { y } = await compiled.run({ x: tf.tensor1d([1, 1, 1]) });
    expect(await values(y)).toEqual([2, 3, 4]);
    expect(await values(tf.neg(table))).toEqual([-1, -2, -3]);
    compiled.dispose();
  });

  it("leaves no tensors behind", async () => {
    const net = network("leak");
    const optimizer = tf.train.adam(0.01);
    const x = tf.ones([4, 3]);
    const y = tf.ones([4, 1]);
    const step = compile(({ x, y }) => ({ loss: optimizer.minimize(() => net.loss(x!, y!), true, net.variables)! }));
    tf.dispose(await step.run({ x, y }));
    await step.sync();
    const before = tf.memory();
    for (let i = 0; i < 3; i++) tf.dispose(await step.run({ x, y }));
    await step.sync();
    const fresh = { x: tf.ones([5, 3]), y: tf.ones([5, 1]) };
    tf.dispose(await step.run(fresh));
    tf.dispose(fresh);
    const after = tf.memory();
    expect([after.numTensors, after.numDataBuffers, after.numBytes]).toEqual([
      before.numTensors,
      before.numDataBuffers,
      before.numBytes,
    ]);
    step.dispose();
  });

  it("names the kernel, the tensor and the line", async () => {
    const reads = compile(({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }));
    const error = await reads.run({ x: tf.ones([2]) }).catch((thrown: unknown) => thrown);
    expect(CompileError.isInstance(error)).toBe(true);
    expect(String(error)).toMatch(/reads the values of the input "x"[^]*compile\.test\.ts:\d+:\d+/);
    const unsupported = compile(({ x }) => ({ y: tf.cumprod(x!) }));
    await expect(unsupported.run({ x: tf.ones([2]) })).rejects.toThrow(/kernel "Cumprod"[^]*compile\.test\.ts/);
    const random = compile(({ x }) => ({ y: tf.dropout(x!, 0.5) }));
    await expect(random.run({ x: tf.ones([2]) })).rejects.toThrow(/random numbers[^]*compile\.test\.ts/);
  });
});
