import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { CheckpointError } from "./errors.js";
import { initialize, Module, Parameter } from "./module.js";
import { Conv2d, Conv3d } from "./nn/convolution.js";
import { Embedding } from "./nn/embedding.js";
import { Linear } from "./nn/linear.js";
import { GroupNorm, LayerNorm } from "./nn/normalization.js";
import { createRng } from "./rng.js";
import { storeFloats, toFloat32 } from "./safetensors/dtype.js";

beforeAll(() => tf.setBackend("cpu"));

class Block extends Module {
  readonly conv = new Conv2d({ in: 2, out: 3, kernel: [3, 3] });
  readonly to_out = [new Linear({ in: 3, out: 3 }), null, new LayerNorm({ width: 3, epsilon: 1e-6 })];
  readonly label = "not a weight";
}

class Model extends Module {
  readonly blocks = [new Block(), new Block()];
  readonly scale = new Parameter([1], { fill: 2 });
}

describe("Module", () => {
  it("names parameters after its fields", () => {
    expect([...new Block().namedParameters()].map(([name]) => name)).toEqual([
      "conv.weight",
      "conv.bias",
      "to_out.0.weight",
      "to_out.0.bias",
      "to_out.2.weight",
      "to_out.2.bias",
    ]);
    expect(new Model().parameterCount()).toBe(2 * (3 * 2 * 9 + 3 + 9 + 3 + 6) + 1);
  });

  it("initialises by name, so the order of fields does not matter", async () => {
    const model = new Model();
    initialize(model, createRng(5));
    const direct = new Conv2d({ in: 2, out: 3, kernel: [3, 3] });
    direct.resetParameters(createRng(5).fork("blocks.1.conv"));
    const state = await model.stateDict();
    expect(state.get("blocks.1.conv.weight")).toEqual((await direct.stateDict()).get("weight"));
  });

  it("gives back every state dict it loads", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const first = new Model();
        initialize(first, createRng(seed));
        const second = new Model();
        const state = await first.stateDict();
        second.loadStateDict(state);
        expect(await second.stateDict()).toEqual(state);
        first.dispose();
        second.dispose();
      }),
      { numRuns: 10 },
    );
  });

  it("stores convolutions in the checkpoint's layout", async () => {
    const conv = new Conv3d({ in: 2, out: 3, kernel: [1, 2, 1], bias: false });
    // Checkpoint [out, in, kt, kh, kw] = value 100 out + 10 in + kh.
    const values = Float32Array.from(
      { length: 12 },
      (_, i) => 100 * Math.floor(i / 4) + 10 * (Math.floor(i / 2) % 2) + (i % 2),
    );
    conv.loadStateDict(new Map([["weight", storeFloats(values, [3, 2, 1, 2, 1])]]));
    const storage = conv.weight.variable.arraySync() as number[][][][][];
    expect(storage[0]![1]![0]![1]![2]).toBe(211);
    expect(toFloat32((await conv.stateDict()).get("weight")!)).toEqual(values);
  });

  it("checks everything before it writes anything", async () => {
    const model = new Model();
    const before = await model.stateDict();
    const state = new Map(before);
    state.delete("scale");
    state.set("extra", storeFloats(new Float32Array(1), [1]));
    state.set("blocks.0.to_out.0.bias", storeFloats(new Float32Array(4), [4]));
    const error = (() => {
      try {
        model.loadStateDict(state);
      } catch (caught) {
        return caught as CheckpointError;
      }
      throw new Error("it loaded");
    })();
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error.missing).toEqual(["scale"]);
    expect(error.unexpected).toEqual(["extra"]);
    expect(error.mismatched).toEqual([{ name: "blocks.0.to_out.0.bias", expected: [3], found: [4] }]);
    expect(await model.stateDict()).toEqual(before);
  });

  it("ignores what it is told to, and the rest when not strict", () => {
    const model = new Linear({ in: 1, out: 1, bias: false });
    const state = new Map([
      ["weight", storeFloats(Float32Array.of(4), [1, 1])],
      ["loss.logvar", storeFloats(Float32Array.of(0), [])],
    ]);
    expect(() => model.loadStateDict(state)).toThrow("1 unexpected (loss.logvar)");
    model.loadStateDict(state, { ignore: (name) => name.startsWith("loss.") });
    model.loadStateDict(new Map(), { strict: false });
    expect(model.weight.variable.dataSync()[0]).toBe(4);
  });

  it("frees its variables", () => {
    const before = tf.memory().numTensors;
    new Model().dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("layers", () => {
  it("linear computes x W^T + b over the last axis", () => {
    const linear = new Linear({ in: 2, out: 1 });
    linear.weight.assign(Float32Array.of(3, 5));
    linear.bias!.assign(Float32Array.of(1));
    expect(linear.forward(tf.tensor([[[1, 2]], [[0, 1]]])).arraySync()).toEqual([[[14]], [[6]]]);
  });

  it("conv2d pads each side as told", () => {
    const conv = new Conv2d({
      in: 1,
      out: 1,
      kernel: [2, 2],
      stride: [2, 2],
      padding: [
        [0, 1],
        [0, 1],
      ],
    });
    conv.weight.assign(new Float32Array(4).fill(1));
    expect(
      conv
        .forward(tf.ones([1, 3, 3, 1]))
        .arraySync()
        .flat(3),
    ).toEqual([4, 2, 2, 1]);
  });

  it("conv3d is a cross-correlation with zeros around", () => {
    const conv = new Conv3d({
      in: 1,
      out: 1,
      kernel: [2, 1, 1],
      padding: [
        [1, 0],
        [0, 0],
        [0, 0],
      ],
    });
    conv.weight.assign(Float32Array.of(1, 10));
    const y = conv.forward(tf.tensor5d([1, 2, 3], [1, 3, 1, 1, 1]));
    expect([...y.dataSync()]).toEqual([10, 21, 32]);
  });

  it("group norm has zero mean and unit variance in each group", () => {
    const norm = new GroupNorm({ channels: 4, groups: 2, epsilon: 1e-6 });
    const x = createRng(2).normal([2, 3, 5, 4]) as tf.Tensor4D;
    const y = tf.reshape(norm.forward(x), [2, 15, 2, 2]);
    const { mean, variance } = tf.moments(y, [1, 3]);
    for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 5);
    for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 4);
  });

  it("embedding looks rows up", () => {
    const table = new Embedding({ rows: 3, width: 2 });
    table.weight.assign(Float32Array.of(0, 1, 2, 3, 4, 5));
    expect(table.forward(tf.tensor([[2, 0]], [1, 2], "int32")).arraySync()).toEqual([
      [
        [4, 5],
        [0, 1],
      ],
    ]);
  });
});
