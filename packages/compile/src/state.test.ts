// The contract of variables and state, as README.md states it.
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { compile, onnxExecutor } from "./index.js";
import type { CompiledFunction } from "./index.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

async function read(result: Promise<Record<string, tf.Tensor>>, name = "y"): Promise<number[]> {
  return Array.from(await (await result)[name]!.data());
}

function counter(): { count: tf.Variable; increment: CompiledFunction } {
  const count = tf.variable(tf.scalar(0));
  const increment = compile(() => {
    count.assign(tf.add(count, 1));
    return { y: tf.mul(count, 1) };
  });
  return { count, increment };
}

describe("state", () => {
  it("stays in the executable until sync", async () => {
    const { count, increment } = counter();
    expect(await read(increment.run({}))).toEqual([1]);
    expect(await read(increment.run({}))).toEqual([2]);
    expect(count.dataSync()[0]).toBe(0);
    await increment.sync();
    expect(count.dataSync()[0]).toBe(2);
    expect(await read(increment.run({}))).toEqual([3]);
    increment.dispose();
  });

  it("takes over a value assigned from outside, even after runs that were not synced", async () => {
    const { count, increment } = counter();
    await increment.run({});
    await increment.run({});
    count.assign(tf.scalar(10));
    expect(await read(increment.run({}))).toEqual([11]);
    await increment.run({});
    count.assign(tf.scalar(20));
    await increment.sync();
    expect(count.dataSync()[0]).toBe(20);
    increment.dispose();
  });

  it("is seen by other executables after sync", async () => {
    const { count, increment } = counter();
    const reader = compile(() => ({ y: tf.mul(count, 2) }));
    expect(await read(reader.run({}))).toEqual([0]);
    await increment.run({});
    expect(await read(reader.run({}))).toEqual([0]);
    await increment.sync();
    expect(await read(reader.run({}))).toEqual([2]);
    increment.dispose();
    reader.dispose();
  });

  it("survives buffers that are reused: a synced value does not change later", async () => {
    const { count, increment } = counter();
    await increment.run({});
    await increment.sync();
    const synced = tf.clone(count);
    for (let i = 0; i < 3; i++) await increment.run({});
    expect(synced.dataSync()[0]).toBe(1);
    increment.dispose();
  });

  it("is shared by all shapes of a function", async () => {
    const total = tf.variable(tf.zeros([2, 3]));
    const accumulate = compile(({ x }) => {
      total.assign(tf.add(total, tf.sum(x!)));
      return { y: tf.sum(total) };
    });
    expect(await read(accumulate.run({ x: tf.ones([2]) }))).toEqual([12]);
    expect(await read(accumulate.run({ x: tf.ones([3]) }))).toEqual([30]);
    expect(await read(accumulate.run({ x: tf.ones([2]) }))).toEqual([42]);
    accumulate.dispose();
  });

  it("holds variables that are assigned but never read, and constants that are assigned", async () => {
    const last = tf.variable(tf.zeros([2]));
    const flag = tf.variable(tf.scalar(false, "bool"));
    const remember = compile(({ x }) => {
      last.assign(x!);
      flag.assign(tf.scalar(true, "bool"));
      return { y: tf.neg(x!) };
    });
    await remember.run({ x: tf.tensor1d([3, 4]) });
    await remember.sync();
    expect(Array.from(last.dataSync())).toEqual([3, 4]);
    expect(Array.from(flag.dataSync())).toEqual([1]);
    remember.dispose();
  });

  it("takes in a variable that only an assigned value reads, made before the one it is assigned to", async () => {
    const weight = tf.variable(tf.tensor1d([2, 4]));
    const average = tf.variable(tf.tensor1d([0, 0]));
    const step = compile(({ rate }) => {
      average.assign(tf.add(average, tf.mul(tf.sub(weight, average), rate!)));
      return { rate: tf.neg(rate!) };
    });
    expect(await read(step.run({ rate: tf.scalar(0.5) }), "rate")).toEqual([-0.5]);
    await step.sync();
    expect(Array.from(average.dataSync())).toEqual([1, 2]);
    step.dispose();
  });

  it("takes a variable over that a run before only read, in whatever layout", async () => {
    const filter = tf.variable(tf.ones<tf.Rank.R4>([3, 3, 2, 4]));
    const step = compile(({ x, gradient }) => {
      if (x !== undefined) return { y: tf.sum(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, "same")) };
      filter.assign(tf.sub(filter, gradient!));
      return { y: tf.sum(gradient!) };
    });
    const x = tf.ones([1, 4, 4, 2]);
    const gradient = tf.fill([3, 3, 2, 4], 0.5);
    const [whole] = await read(step.run({ x }));
    await read(step.run({ gradient }));
    expect(await read(step.run({ x }))).toEqual([whole! / 2]);
    await step.sync();
    expect(filter.dataSync()).toEqual(gradient.dataSync());
    step.dispose();
  });

  it("can swap variables", async () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))];
    const swap = compile(() => {
      const before = tf.clone(a);
      a.assign(b);
      b.assign(before);
      return { y: tf.sub(a, b) };
    });
    expect(await read(swap.run({}))).toEqual([1]);
    await swap.sync();
    expect([a.dataSync()[0], b.dataSync()[0]]).toEqual([2, 1]);
    swap.dispose();
  });

  it("keeps a filter's layout through gradients and moments without moving it", async () => {
    const filter = tf.variable(tf.randomNormal([3, 3, 2, 4], 0, 1, "float32", 4));
    const before = await filter.data();
    const step = compile(({ x }) => {
      const { value, grads } = tf.variableGrads(
        () => tf.mean(tf.square(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, "same"))),
        [filter],
      );
      filter.assign(tf.sub(filter, tf.mul(grads[filter.name]!, 0.1)));
      return { loss: value };
    });
    const x = tf.randomNormal([1, 5, 5, 2], 0, 1, "float32", 5);
    const first = await read(step.run({ x }), "loss");
    const second = await read(step.run({ x }), "loss");
    expect(second[0]).toBeLessThan(first[0]!);
    await step.sync();
    const gradient = tf.grad((w) => tf.mean(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same"))));
    let expected: tf.Tensor4D = tf.tensor4d(before as Float32Array, [3, 3, 2, 4]);
    for (let i = 0; i < 2; i++) expected = tf.sub(expected, tf.mul(gradient(expected) as tf.Tensor4D, 0.1));
    expect(tf.max(tf.abs(tf.sub(expected, filter))).dataSync()[0]).toBeLessThan(1e-5);
    step.dispose();
  });
});

describe("weights: constant", () => {
  it("follows changes by building the session again", async () => {
    const w = tf.variable(tf.tensor2d([1, 2, 3, 4], [2, 2]));
    const compiled = compile(({ x }) => ({ y: tf.matMul(x as tf.Tensor2D, w) }), {
      weights: "constant",
    });
    const x = tf.tensor2d([1, 1], [1, 2]);
    expect(await read(compiled.run({ x }))).toEqual([4, 6]);
    expect(compiled.stats[0]!.initializerBytes).toBe(16);
    w.assign(tf.tensor2d([2, 2, 2, 2], [2, 2]));
    expect(await read(compiled.run({ x }))).toEqual([4, 4]);
    compiled.dispose();
  });

  it("refuses variables the function assigns", async () => {
    const w = tf.variable(tf.scalar(1));
    const compiled = compile(() => {
      w.assign(tf.add(w, 1));
      return {};
    }, { weights: "constant" }); // prettier-ignore
    await expect(compiled.run({})).rejects.toThrow(/assigns the variable/);
  });
});

describe("runs", () => {
  it("follow each other in order, and are bitwise repeatable", async () => {
    const { increment } = counter();
    const results = await Promise.all([0, 1, 2, 3].map(() => read(increment.run({}))));
    expect(results).toEqual([[1], [2], [3], [4]]);
    increment.dispose();
    const x = tf.randomNormal([64, 64], 0, 1, "float32", 1);
    const compiled = compile(({ x }) => ({ y: tf.softmax(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D)) }));
    expect(await read(compiled.run({ x }))).toEqual(await read(compiled.run({ x })));
    compiled.dispose();
  });

  it("take and return integers and booleans", async () => {
    const compiled = compile(({ i, b }) => ({ y: tf.add(i!, tf.scalar(1, "int32")), not: tf.logicalNot(b!) }));
    const result = await compiled.run({ i: tf.tensor1d([1, 2], "int32"), b: tf.tensor1d([1, 0], "bool") });
    expect([result["y"]!.dtype, result["not"]!.dtype]).toEqual(["int32", "bool"]);
    expect([Array.from(await result["y"]!.data()), Array.from(await result["not"]!.data())]).toEqual([
      [2, 3],
      [0, 1],
    ]);
    compiled.dispose();
  });

  it("can return inputs and variables, and leave inputs unused", async () => {
    const w = tf.variable(tf.scalar(5));
    const compiled = compile(({ x }) => ({ x: x!, w, again: x! }));
    const result = await compiled.run({ x: tf.scalar(1), unused: tf.scalar(2) });
    expect(["x", "w", "again"].map((name) => result[name]!.dataSync()[0])).toEqual([1, 5, 1]);
    compiled.dispose();
  });

  it("stop at an aborted signal and leave the state alone", async () => {
    const { increment } = counter();
    await increment.run({});
    await expect(increment.run({}, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect(await read(increment.run({}))).toEqual([2]);
    increment.dispose();
    await expect(increment.run({})).rejects.toThrow(/disposed/);
  });

  it("forget the shape that was not used for longest", async () => {
    const compiled = compile(({ x }) => ({ y: tf.neg(x!) }), { maxShapes: 2 });
    for (const length of [1, 2, 1, 3]) await compiled.run({ x: tf.ones([length]) });
    expect(compiled.stats.map(({ signature }) => signature)).toEqual(["x: float32[1]", "x: float32[3]"]);
    compiled.dispose();
  });

  it("go through an executor", async () => {
    const executor = onnxExecutor({ threads: 1 });
    const compiled = executor.compile(({ x }) => ({ y: tf.neg(x!) }), { name: "negate" });
    expect(executor.name).toBe("onnx");
    expect(await read(compiled.run({ x: tf.scalar(2) }))).toEqual([-2]);
    compiled.dispose();
  });
});
