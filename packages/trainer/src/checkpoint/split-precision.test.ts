import { CheckpointError, createRng, type StoredTensor, storeFloats, toFloat32 } from "@noisereel/core";
import { readSafetensors } from "@noisereel/core/node";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, test } from "vitest";
import { describeCheckpointStore } from "@noisereel/testing";
import { draw, fingerprint, points, regression } from "../../test/tiny-task.js";
import { adamW, ema, fit, memoryStore, splitPrecision } from "../index.js";
import { folderStore } from "../node.js";

describeCheckpointStore("in split precision", () => ({ store: splitPrecision(memoryStore()) }), { describe, it });

test("the weights' file is BF16 at half the size, and together the halves are float32 again", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "split-"));
  try {
    const values = Float32Array.of(...createRng(1).normals(6), NaN, -0, Infinity, 1e-40);
    const weights: StoredTensor = storeFloats(values, [5, 2]);
    const slot: StoredTensor = storeFloats(values, [10]);
    const store = splitPrecision(folderStore(folder));
    await store.save("step-1", {
      tensors: new Map([
        ["weights/model.weight", weights],
        ["optimizer-fit/m.model.weight", slot],
      ]),
      meta: {},
    });
    const { tensors } = await readSafetensors(path.join(folder, "step-1", "weights.safetensors"));
    const half = tensors.get("model.weight")!;
    expect([half.dtype, half.shape, half.bytes.length]).toEqual(["BF16", [5, 2], 20]);
    // bfloat16 has 8 bits of precision: cut off, a value is less than 2^-7 of itself smaller.
    for (const [index, value] of toFloat32(half).slice(0, 6).entries()) {
      expect(Math.abs(value - values[index]!)).toBeLessThanOrEqual(Math.abs(values[index]!) * 2 ** -7);
    }
    const loaded = await store.load("step-1");
    expect(loaded.tensors.get("weights/model.weight")).toEqual(weights);
    expect(loaded.tensors.get("optimizer-fit/m.model.weight")).toEqual(slot);
    expect(loaded.tensors.size).toBe(2);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a run resumes with the same bits, and from a store without halves", async () => {
  const run = (store = splitPrecision(memoryStore()), totalSteps = 8) => {
    const { task, model } = regression();
    const average = ema({ model }, { decay: 0.9 });
    const options = { task, items: draw(points(8)), optimizer: adamW(), learningRate: 0.01, ema: average, store };
    return { model, store, options: { ...options, totalSteps, rng: createRng(3) } };
  };
  const whole = run();
  await fit(whole.options);
  const plain = memoryStore();
  for (const [store, again] of [
    [splitPrecision(plain), undefined],
    [memoryStore(), splitPrecision],
  ] as const) {
    const first = run(store);
    const controller = new AbortController();
    await fit({ ...first.options, signal: controller.signal, onStep: ({ step }) => step === 4 && controller.abort() });
    const second = run(again === undefined ? store : again(store));
    expect(await fit(second.options)).toMatchObject({ startedAt: 4, finished: true });
    expect(await fingerprint(second.model)).toBe(await fingerprint(whole.model));
  }
});

test("a lost half is said", async () => {
  const plain = memoryStore();
  const store = splitPrecision(plain);
  await store.save("step-1", { tensors: new Map([["ema/a", storeFloats(Float32Array.of(1), [1])]]), meta: {} });
  const { tensors, meta } = await plain.load("step-1");
  await plain.save("step-1", { tensors: new Map([...tensors].filter(([name]) => name === "ema/a")), meta });
  await expect(async () => store.load("step-1")).rejects.toThrow("ema/a has no lower half ema-rest/a");
  await expect(async () => store.load("step-1")).rejects.toSatisfy((error) => CheckpointError.isInstance(error));
});
