import { type Checkpoint, CheckpointError, storeFloats } from "@noisereel/core";
import fc from "fast-check";
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { latestCheckpoint } from "./latest.js";
import { folderStore } from "./folder-store.js";

/** Makes the `at`-th file that is written from now on fail after `keep` of its bytes. */
const disk = vi.hoisted(() => ({ failAt: Infinity, written: 0, code: "ENOSPC" }));
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      const write = handle.writeFile.bind(handle);
      handle.writeFile = async (content) => {
        if (++disk.written >= disk.failAt) {
          await write((content as Uint8Array).slice(0, 3));
          throw Object.assign(new Error(`${disk.code}: no space left on device, write`), { code: disk.code });
        }
        await write(content);
      };
      return handle;
    },
  };
});

let folder = "";
beforeEach(async () => {
  disk.failAt = Infinity;
  disk.written = 0;
  folder = await mkdtemp(path.join(tmpdir(), "folder-store-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A checkpoint in three parts whose numbers are all `value`. */
function checkpoint(value: number): Checkpoint {
  const tensor = () => storeFloats(new Float32Array(6).fill(value), [2, 3]);
  const names = ["weights/model.a", "weights/model.b", "optimizer-fit/m.model.a", "ema/model.a", "unnamed"];
  return { tensors: new Map(names.map((name) => [name, tensor()])), meta: { value, nested: { list: [1, null, "x"] } } };
}

const valueOf = async (store: ReturnType<typeof folderStore>) =>
  (await latestCheckpoint(store))?.checkpoint.meta["value"];

test("what is saved is loaded, one file for each part", async () => {
  const store = folderStore(folder);
  await store.save("step-000001", checkpoint(1));
  const files = (await readdir(path.join(folder, "step-000001"))).toSorted();
  expect(files).toEqual(
    ["ema", "optimizer-fit", "tensors", "weights"]
      .map((part) => `${part}.safetensors`)
      .concat()
      .toSpliced(1, 0, "manifest.json"),
  );
  const loaded = await store.load("step-000001");
  expect(loaded.meta).toEqual(checkpoint(1).meta);
  expect(new Set(loaded.tensors.keys())).toEqual(new Set(checkpoint(1).tensors.keys()));
  for (const [name, tensor] of checkpoint(1).tensors) expect(loaded.tensors.get(name)).toEqual(tensor);
});

test("only the newest are kept, in the order of their steps", async () => {
  const store = folderStore(folder, { keep: 2 });
  for (const step of [999_999, 1_000_000, 1_000_001]) await store.save(`step-${step}`, checkpoint(step));
  expect(await store.list()).toEqual(["step-1000000", "step-1000001"]);
  await store.remove("step-1000001");
  expect(await valueOf(store)).toBe(1_000_000);
});

test("a folder that was damaged anywhere is passed over with a reason", async () => {
  const store = folderStore(folder);
  await store.save("step-000001", checkpoint(1));
  await store.save("step-000002", checkpoint(2));
  const file = path.join(folder, "step-000002", "weights.safetensors");
  const whole = await readFile(file);
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.byteLength - 1), fc.integer({ min: 1, max: 255 }), async (position, change) => {
      const damaged = Uint8Array.from(whole);
      damaged[position]! ^= change;
      await writeFile(file, damaged);
      expect(await valueOf(store)).toBe(1);
    }),
    { numRuns: 15 },
  );
  expect((await store.inspect())[1]!.problem).toMatch(/weights\.safetensors does not fit its hash/);
  await writeFile(file, whole.subarray(0, 100));
  expect((await store.inspect())[1]!.problem).toMatch(/has 100 bytes instead of/);
  await expect(store.load("step-000002")).rejects.toThrow(CheckpointError);
  await rm(file);
  expect((await store.inspect())[1]!.problem).toMatch(/weights\.safetensors is missing/);
  await writeFile(file, whole);
  expect(await valueOf(store)).toBe(2);
  await appendFile(path.join(folder, "step-000002", "manifest.json"), " ");
  expect(await valueOf(store)).toBe(2);
  const manifest = path.join(folder, "step-000002", "manifest.json");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replace('"value":2', '"value":3'));
  expect((await store.inspect())[1]!.problem).toMatch(/does not fit its own hash/);
  expect(await valueOf(store)).toBe(1);
});

test("what a killed writer leaves is no checkpoint and is cleared by the next save", async () => {
  const store = folderStore(folder);
  await store.save("step-000001", checkpoint(1));
  await mkdir(path.join(folder, ".tmp-step-000002-0a1b2c3d"));
  await writeFile(path.join(folder, ".tmp-step-000002-0a1b2c3d", "weights.safetensors"), "half");
  await mkdir(path.join(folder, "step-000003"));
  await writeFile(path.join(folder, "step-000003", "weights.safetensors"), "half");
  expect(await store.list()).toEqual(["step-000001"]);
  expect(await store.inspect()).toMatchObject([
    {},
    { id: "step-000003", problem: expect.stringContaining("has no readable manifest.json") as string },
  ]);
  await store.save("step-000004", checkpoint(4));
  expect((await readdir(folder)).toSorted()).toEqual(["step-000001", "step-000003", "step-000004"]);
});

test("a full disk at any write leaves the former checkpoint and one clear error", async () => {
  const store = folderStore(folder);
  await store.save("step-000001", checkpoint(1));
  const writes = disk.written;
  for (let failAt = 1; failAt <= writes; failAt++) {
    Object.assign(disk, { written: 0, failAt });
    await expect(store.save("step-000002", checkpoint(2))).rejects.toThrow(
      /^cannot save checkpoint step-000002 in .*: ENOSPC: no space left on device, write; the checkpoints before it are untouched; make room/,
    );
    expect(await readdir(folder)).toEqual(["step-000001"]);
    expect(await valueOf(store)).toBe(1);
  }
  disk.failAt = Infinity;
  await store.save("step-000002", checkpoint(2));
  expect(await valueOf(store)).toBe(2);
});

test("a failing save of a step that is there already leaves it as it was", async () => {
  const store = folderStore(folder);
  await store.save("step-000001", checkpoint(1));
  Object.assign(disk, { written: 0, failAt: 4 });
  await expect(store.save("step-000001", checkpoint(9))).rejects.toThrow(CheckpointError);
  expect(await valueOf(store)).toBe(1);
});

test("a folder that cannot be made is a clear error", async () => {
  await writeFile(path.join(folder, "file"), "");
  const store = folderStore(path.join(folder, "file", "store"));
  await expect(store.save("step-000001", checkpoint(1))).rejects.toThrow(/^cannot save checkpoint step-000001/);
  expect(await folderStore(path.join(folder, "nothing")).list()).toEqual([]);
});

test("names that could leave the folder are refused", async () => {
  const store = folderStore(folder);
  for (const id of ["../x", ".tmp-x", "a/b", ""]) {
    await expect(store.save(id, checkpoint(1))).rejects.toThrow(`id is "${id}"`);
  }
  expect(() => folderStore(folder, { keep: 0 })).toThrow("keep is 0");
});
