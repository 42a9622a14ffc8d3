// The cases of the executor suite. Each throws what is wrong.
import type { Executor, NamedTensors } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { assert, assertClose, assertRejects, onCpu, pattern, readAll } from "./executor-tools.js";
import { attentionBlock, convolutionBlock, trainedNetwork } from "./executor-models.js";

export interface ExecutorUnderTest {
  readonly executor: Executor;
  /** tfjs backend that is active. */
  readonly backend: string;
  readonly tolerance: number;
}

export interface ExecutorCase {
  readonly name: string;
  readonly check: (under: ExecutorUnderTest) => Promise<void>;
}

type Build = () => {
  readonly fn: (inputs: NamedTensors) => Record<string, tf.Tensor>;
  readonly inputs: () => NamedTensors;
};

/** The executor's outputs for a model, compared with eager ones on the cpu backend. */
async function sameAsEager({ executor, backend, tolerance }: ExecutorUnderTest, build: Build): Promise<void> {
  const expected = await onCpu(backend, async () => {
    const { fn, inputs } = build();
    return readAll(fn(inputs()));
  });
  const { fn, inputs } = build();
  const executable = executor.compile(fn, { name: "case" });
  const fed = inputs();
  const actual = await readAll(await executable.run(fed));
  executable.dispose();
  assert(
    Object.keys(actual).toSorted().join() === Object.keys(expected).toSorted().join(),
    `outputs are ${Object.keys(actual).join(", ")}, expected ${Object.keys(expected).join(", ")}`,
  );
  for (const [name, reference] of Object.entries(expected)) assertClose(name, actual[name]!, reference, tolerance);
}

/** A variable that a function counts up by one. */
function counter(executor: Executor) {
  const count = tf.variable(tf.scalar(0));
  const executable = executor.compile(
    () => {
      count.assign(tf.add(count, 1));
      return { count: tf.mul(count, 1) };
    },
    { name: "counter" },
  );
  const next = async (signal?: AbortSignal): Promise<number> =>
    (await readAll(await executable.run({}, { signal })))["count"]!.values[0]!;
  return { count, executable, next };
}

export const executorCases: readonly ExecutorCase[] = [
  {
    name: "computes known numbers",
    async check({ executor }) {
      const executable = executor.compile(({ a, b }) => ({ c: tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D) }), {
        name: "known",
      });
      const a = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      const b = tf.tensor2d([5, 6, 7, 8], [2, 2]);
      const { c } = await readAll(await executable.run({ a, b }));
      executable.dispose();
      assert(c!.values.join() === "19,22,43,50", `the product is ${c!.values.join()}, expected 19,22,43,50`);
    },
  },
  {
    name: "differentiates known functions",
    async check({ executor }) {
      const executable = executor.compile(({ x }) => ({ dx: tf.grad((t: tf.Tensor) => tf.sum(tf.mul(t, t)))(x!) }), {
        name: "square",
      });
      const { dx } = await readAll(await executable.run({ x: tf.tensor1d([1, -2, 3]) }));
      executable.dispose();
      assert(dx!.values.join() === "2,-4,6", `the gradient is ${dx!.values.join()}, expected 2,-4,6`);
    },
  },
  {
    name: "runs convolution, group norm and upsampling forward",
    check: (under) => sameAsEager(under, () => convolutionBlock({ gradients: false })),
  },
  {
    name: "differentiates convolution, group norm and upsampling",
    check: (under) => sameAsEager(under, () => convolutionBlock({ gradients: true })),
  },
  {
    name: "runs layer norm, attention and a feed-forward forward",
    check: (under) => sameAsEager(under, () => attentionBlock({ gradients: false })),
  },
  {
    name: "differentiates layer norm, attention and a feed-forward",
    check: (under) => sameAsEager(under, () => attentionBlock({ gradients: true })),
  },
  {
    name: "trains: losses and parameters of every step are eager's",
    async check({ executor, backend, tolerance }) {
      const steps = 4;
      const expected = await onCpu(backend, async () => {
        const { step, batch, parameters } = trainedNetwork();
        const losses: number[] = [];
        for (let i = 0; i < steps; i++) losses.push((await readAll(step(batch(i))))["loss"]!.values[0]!);
        return { losses, parameters: await readAll(parameters) };
      });
      const { step, batch, parameters } = trainedNetwork();
      const executable = executor.compile(step, { name: "train" });
      for (const [index, reference] of expected.losses.entries()) {
        const { loss } = await readAll(await executable.run(batch(index)));
        const found = { ...loss!, values: [loss!.values[0]!] };
        assertClose(`the loss of step ${index + 1}`, found, { ...found, values: [reference] }, 10 * tolerance);
      }
      await executable.sync();
      const trained = await readAll(parameters);
      executable.dispose();
      for (const [name, reference] of Object.entries(expected.parameters)) {
        assertClose(name, trained[name]!, reference, 10 * tolerance);
      }
    },
  },
  {
    name: "keeps state between runs, and sync writes it to the variables",
    async check({ executor }) {
      const { count, executable, next } = counter(executor);
      for (const expected of [1, 2, 3]) {
        const found = await next();
        assert(found === expected, `run ${expected} counts ${found}`);
      }
      await executable.sync();
      const [synced] = await count.data();
      assert(synced === 3, `the variable is ${synced} after sync, expected 3`);
      executable.dispose();
    },
  },
  {
    name: "takes over what is assigned to a variable between runs",
    async check({ executor }) {
      const { count, executable, next } = counter(executor);
      await next();
      await executable.sync();
      count.assign(tf.scalar(40));
      const found = await next();
      assert(found === 41, `the run after assigning 40 counts ${found}, expected 41`);
      executable.dispose();
    },
  },
  {
    name: "carries out runs in the order of the calls",
    async check({ executor }) {
      const { executable, next } = counter(executor);
      const found = await Promise.all([next(), next(), next()]);
      assert(found.join() === "1,2,3", `three calls at once count ${found.join()}, expected 1,2,3`);
      executable.dispose();
    },
  },
  {
    name: "takes inputs of other shapes",
    async check({ executor }) {
      const weight = tf.variable(pattern([3, 2], 3));
      const executable = executor.compile(({ x }) => ({ y: tf.matMul(x as tf.Tensor2D, weight) }), {
        name: "shapes",
      });
      for (const rows of [1, 4, 2, 4]) {
        const { y } = await readAll(await executable.run({ x: tf.ones([rows, 3]) }));
        assert(y!.shape.join() === `${rows},2`, `${rows} rows give the shape [${y!.shape.join()}]`);
        const columns = await readAll({ sum: tf.sum(weight, 0) });
        const expected = Array.from({ length: 2 * rows }, (_, index) => columns["sum"]!.values[index % 2]!);
        assertClose(`${rows} rows`, y!, { ...y!, values: expected }, 1e-5);
      }
      executable.dispose();
    },
  },
  {
    name: "keeps integers and booleans",
    async check({ executor }) {
      const executable = executor.compile(
        ({ i, b }) => ({ next: tf.add(i!, tf.scalar(1, "int32")), not: tf.logicalNot(b!) }),
        { name: "types" },
      );
      const { next, not } = await readAll(
        await executable.run({ i: tf.tensor1d([1, -2], "int32"), b: tf.tensor1d([1, 0], "bool") }),
      );
      executable.dispose();
      assert(
        next!.dtype === "int32" && next!.values.join() === "2,-1",
        `integers: ${next!.dtype} ${next!.values.join()}`,
      );
      assert(not!.dtype === "bool" && not!.values.join() === "0,1", `booleans: ${not!.dtype} ${not!.values.join()}`);
    },
  },
  {
    name: "borrows its inputs, hands over its results, and leaks no tensors",
    async check({ executor }) {
      const executable = executor.compile(({ x }) => ({ y: tf.relu(tf.neg(x!)) }), { name: "owner" });
      const x = tf.tensor1d([1, -2]);
      tf.dispose(await executable.run({ x })); // what the first run sets up may stay
      assert(!x.isDisposed, "the run disposed its input");
      const before = tf.memory().numTensors;
      const { y } = await executable.run({ x });
      const made = tf.memory().numTensors - before;
      assert(made === 1, `one run with one output leaves ${made} tensors`);
      y!.dispose();
      executable.dispose();
    },
  },
  {
    name: "passes on what the function throws, and changes nothing",
    async check({ executor, backend }) {
      const count = tf.variable(tf.scalar(5));
      const executable = executor.compile(
        () => {
          count.assign(tf.add(count, 1));
          throw new RangeError("from the function");
        },
        { name: "throws" },
      );
      const error = await assertRejects(executable.run({}), /from the function/);
      assert(error instanceof RangeError, `the error is a ${error.name}, expected the function's own RangeError`);
      assert(tf.getBackend() === backend, `the backend is ${tf.getBackend()} afterwards, expected ${backend}`);
      executable.dispose();
      const other = counter(executor);
      assert((await other.next()) === 1, "another function does not run after one that threw");
      other.executable.dispose();
    },
  },
  {
    name: "stops before a run whose signal is aborted, and leaves the state alone",
    async check({ executor }) {
      const { executable, next } = counter(executor);
      await next();
      const reason = new Error("stopped by the test");
      const error = await assertRejects(next(AbortSignal.abort(reason)), /stopped by the test/);
      assert(error === reason, "the error is not the signal's reason");
      const found = await next();
      assert(found === 2, `the run after an aborted one counts ${found}, expected 2`);
      executable.dispose();
    },
  },
  {
    name: "leaves variables and results usable when it is disposed, twice too",
    async check({ executor }) {
      const weight = tf.variable(tf.tensor1d([1, 2]));
      const executable = executor.compile(({ x }) => ({ y: tf.mul(x!, weight) }), { name: "disposed" });
      const { y } = await executable.run({ x: tf.tensor1d([3, 4]) });
      executable.dispose();
      executable.dispose();
      const values = [...(await y!.data()), ...(await weight.data())];
      assert(values.join() === "3,8,1,2", `result and variable are ${values.join()} after dispose, expected 3,8,1,2`);
    },
  },
];
