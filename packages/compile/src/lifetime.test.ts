// Sessions and their memory: how many there are, and that all of them go.
import * as tf from "@tensorflow/tfjs";
import * as ort from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "./index.js";
import type { OrtModule } from "./index.js";

beforeAll(() => tf.setBackend("cpu"));

/** onnxruntime-node, and how many of its sessions are open. */
function counting(): { readonly runtime: OrtModule; readonly open: () => number } {
  let open = 0;
  const runtime: OrtModule = {
    env: {},
    Tensor: ort.Tensor,
    listSupportedBackends: ort.listSupportedBackends,
    InferenceSession: {
      async create(model, options = {}) {
        const session = await ort.InferenceSession.create(model, options);
        open++;
        const release = session.release.bind(session);
        session.release = async () => {
          open--;
          await release();
        };
        return session;
      },
    },
  };
  return { runtime, open: () => open };
}

/** Waits for what `dispose` started. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe("sessions", () => {
  it("are bounded by maxShapes, and all released by dispose", async () => {
    const { runtime, open } = counting();
    const compiled = compile(({ x }) => ({ y: tf.neg(x!) }), { runtime, maxShapes: 2, threads: 1 });
    for (const length of [1, 2, 3, 4, 5]) {
      tf.dispose(await compiled.run({ x: tf.ones([length]) }));
      expect(open()).toBe(Math.min(length, 2));
    }
    compiled.dispose();
    await settle();
    expect(open()).toBe(0);
  });

  it("are replaced, not added, when a constant weight changes", async () => {
    const { runtime, open } = counting();
    const weight = tf.variable(tf.ones([2]));
    const compiled = compile(({ x }) => ({ y: tf.mul(x!, weight) }), { runtime, weights: "constant", threads: 1 });
    for (const value of [1, 2, 3]) {
      weight.assign(tf.fill([2], value));
      const { y } = await compiled.run({ x: tf.ones([2]) });
      expect([...(await y!.data())]).toEqual([value, value]);
      expect(open()).toBe(1);
    }
    compiled.dispose();
    await settle();
    expect(open()).toBe(0);
  });

  it("that are running when dispose is called finish, and then go", async () => {
    const { runtime, open } = counting();
    const compiled = compile(({ x }) => ({ y: tf.neg(x!) }), { runtime, threads: 1 });
    const running = compiled.run({ x: tf.ones([2]) });
    compiled.dispose();
    await expect(running).rejects.toThrow(/was disposed/); // it had not begun
    const other = compile(({ x }) => ({ y: tf.neg(x!) }), { runtime, threads: 1 });
    await other.run({ x: tf.ones([2]) });
    const begun = other.run({ x: tf.ones([2]) });
    await Promise.resolve();
    await Promise.resolve();
    other.dispose();
    expect([...(await (await begun)["y"]!.data())]).toEqual([-1, -1]);
    await settle();
    expect(open()).toBe(0);
  });

  it.each([0, -1, 1.5])("maxShapes: %d is an error", (maxShapes) => {
    expect(() => compile(() => ({}), { maxShapes, name: "none" })).toThrow(/maxShapes of "none" is .*; use an integer/);
  });
});
