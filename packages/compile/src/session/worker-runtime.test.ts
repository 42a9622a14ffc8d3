import * as tf from "@tensorflow/tfjs";
import { Worker } from "node:worker_threads";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { compile } from "../index.js";
import type { OrtModule } from "../index.js";
import type { WorkerRequest } from "./worker-messages.js";
import { workerRuntime } from "./worker-runtime.js";

beforeAll(() => tf.setBackend("cpu"));

const execArgv = ["--import", new URL("../../test/register-tsx.mjs", import.meta.url).href];

/** The runtime, with a note of where the tensors lie that each run is fed. */
function watched(): { readonly runtime: OrtModule; readonly fed: string[][] } {
  const thread = workerRuntime({ execArgv });
  const fed: string[][] = [];
  type Session = { run: (feeds: Record<string, { location: string }>, fetches: object) => Promise<object> };
  const runtime: OrtModule = {
    ...thread,
    InferenceSession: {
      async create(model, options) {
        const session = (await thread.InferenceSession.create(model, options)) as Session;
        return {
          ...session,
          run: (feeds: Record<string, { location: string }>, fetches: object) => {
            fed.push(Object.values(feeds).map(({ location }) => location));
            return session.run(feeds, fetches);
          },
        };
      },
    },
  };
  return { runtime, fed };
}

describe("workerRuntime", () => {
  it("keeps state in the thread", async () => {
    const count = tf.variable(tf.zeros([3]));
    const { runtime, fed } = watched();
    const step = compile(
      () => {
        count.assign(tf.add(count, 1));
        return {};
      },
      { runtime, threads: 1 },
    );
    for (let i = 0; i < 3; i++) await step.run({});
    expect(fed).toEqual([["cpu"], ["worker"], ["worker"]]);
    await step.sync();
    expect([...(await count.data())]).toEqual([3, 3, 3]);
    step.dispose();
  });

  it("does not block this thread", async () => {
    const size = 512;
    const compiled = compile(
      ({ x }) => {
        let y = x as tf.Tensor2D;
        for (let i = 0; i < 40; i++) y = tf.mul(tf.matMul(y, x as tf.Tensor2D), 1 / size);
        return { y: tf.sum(y) };
      },
      { runtime: workerRuntime({ execArgv }), threads: 1, spinning: false },
    );
    const x = tf.ones([size, size]);
    await compiled.run({ x });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const { y } = await compiled.run({ x });
    clearInterval(timer);
    expect((await y!.data())[0]! / size ** 2).toBeCloseTo(1, 3);
    // The same run in this thread lets no timer through.
    expect(ticks).toBeGreaterThan(2);
    compiled.dispose();
  });

  it("says what went wrong in the thread, and serves on", async () => {
    const runtime = workerRuntime({ execArgv });
    await expect(runtime.InferenceSession.create(Uint8Array.of(1, 2, 3))).rejects.toThrow(/[Pp]rotobuf|model/);
    const compiled = compile(({ x }) => ({ y: tf.neg(x!) }), { runtime, threads: 1 });
    const { y } = await compiled.run({ x: tf.scalar(2) });
    expect((await y!.data())[0]).toBe(-2);
    compiled.dispose();
  });

  it("sends constant weights without what lies around them", async () => {
    const sizes = [200, 200];
    const shelf = new Float32Array(10 * 200 * 200).fill(2);
    const weight = tf.variable(tf.tensor(shelf.subarray(0, 200 * 200), sizes));
    const post = vi.spyOn(Worker.prototype, "postMessage");
    const compiled = compile(({ x }) => ({ y: tf.matMul(x!, weight) }), {
      runtime: workerRuntime({ execArgv }),
      weights: "constant",
      threads: 1,
    });
    const { y } = await compiled.run({ x: tf.ones([1, 200]) });
    expect((await y!.data())[0]).toBe(400);
    const opened = post.mock.calls.map(([message]) => message as WorkerRequest).find(({ type }) => type === "open");
    const { externalData } = (opened as Extract<WorkerRequest, { type: "open" }>).settings as {
      externalData: { data: Uint8Array }[];
    };
    expect(externalData.map(({ data }) => data.buffer.byteLength)).toEqual([4 * 200 * 200]);
    post.mockRestore();
    compiled.dispose();
  });

  it("is for the cpu provider", async () => {
    const compiled = compile(({ x }) => ({ y: tf.neg(x!) }), { runtime: workerRuntime(), provider: "webgpu" });
    await expect(compiled.run({ x: tf.scalar(1) })).rejects.toThrow(/provider is "webgpu".*it lists cpu/);
  });
});
