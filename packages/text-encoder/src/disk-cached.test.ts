import { createRng, type TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { diskCached, hashFolder } from "./disk-cached.js";
import { smallTextEncoder } from "./small-text-encoder.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-texts-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Tells what it is asked to encode. */
function counting(): { readonly encoder: TextEncoder; readonly asked: string[] } {
  const inner = smallTextEncoder({ width: 8, layers: 1, heads: 2, maxTokens: 12, rng: createRng(1) });
  const asked: string[] = [];
  return {
    asked,
    encoder: {
      ...inner,
      encode(prompts, call) {
        asked.push(...prompts.flat());
        return inner.encode(prompts, call);
      },
    },
  };
}

const values = async (encoder: TextEncoder, prompts: readonly (readonly string[])[]) => {
  const { embeddings, mask } = await encoder.encode(prompts);
  const result = { embeddings: Array.from(embeddings.dataSync()), mask: Array.from(mask.dataSync()) };
  tf.dispose([embeddings, mask]);
  return result;
};

const filesOf = async () =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

test("encodes a prompt once, in every process and after every restart", async () => {
  const first = counting();
  const cold = await values(diskCached(first.encoder, { folder, encoderHash: "a" }), [
    ["cat", "dog"],
    ["cat", ""],
  ]);
  expect(first.asked).toEqual(["cat", "dog", ""]);
  const second = counting();
  const warm = await values(diskCached(second.encoder, { folder, encoderHash: "a" }), [
    ["cat", "dog"],
    ["cat", ""],
  ]);
  expect(second.asked).toEqual([]);
  expect(warm).toEqual(cold);
  // What the encoder itself says of the real tokens; behind them are zeros.
  const plain = await values(second.encoder, [["cat"]]);
  const real = plain.mask.filter((value) => value === 1).length * 8;
  expect(warm.embeddings.slice(0, real)).toEqual(plain.embeddings.slice(0, real));
  expect(warm.embeddings.slice(real, 12 * 8).every((value) => value === 0)).toBe(true);
});

test("keeps encoders apart and never loads one that is not needed", async () => {
  let loads = 0;
  const lazy = {
    name: "lazy",
    width: 8,
    maxTokens: 12,
    load() {
      loads++;
      return counting().encoder;
    },
  };
  await values(diskCached(lazy, { folder, encoderHash: "a" }), [["cat"]]);
  expect(loads).toBe(1);
  await values(diskCached(lazy, { folder, encoderHash: "a" }), [["cat"]]);
  expect(loads).toBe(1);
  await values(diskCached(lazy, { folder, encoderHash: "b" }), [["cat"]]);
  expect(loads).toBe(2);
  expect(await filesOf()).toHaveLength(2);
  const wrong = diskCached({ ...lazy, width: 16 }, { folder, encoderHash: "c" });
  await expect(wrong.encode([["cat"]])).rejects.toThrow(/width 8 and 12 tokens where 16 and 12/);
});

test.each<[string, (file: string) => Promise<void>]>([
  ["cut", async (file) => truncate(file, 60)],
  ["emptied", async (file) => truncate(file, 0)],
  [
    "changed in one bit",
    async (file) => {
      const bytes = await readFile(file);
      bytes[bytes.length - 5]! ^= 1;
      await writeFile(file, bytes);
    },
  ],
])("an entry that was %s is encoded again, and says so", async (_, damage) => {
  const good = await values(diskCached(counting().encoder, { folder, encoderHash: "a" }), [["cat"]]);
  await damage((await filesOf())[0]!);
  const again = counting();
  const reasons: string[] = [];
  const options = { folder, encoderHash: "a", onDamaged: (_file: string, reason: string) => reasons.push(reason) };
  expect(await values(diskCached(again.encoder, options), [["cat"]])).toEqual(good);
  expect(again.asked).toEqual(["cat"]);
  expect(reasons).toHaveLength(1);
  const healed = counting();
  await values(diskCached(healed.encoder, options), [["cat"]]);
  expect(healed.asked).toEqual([]);
});

test("a writer that was killed leaves nothing that is read", async () => {
  await values(diskCached(counting().encoder, { folder, encoderHash: "a" }), [["cat"]]);
  const file = (await filesOf())[0]!;
  const half = path.join(path.dirname(file), `.tmp-${path.basename(file)}-1234`);
  await writeFile(half, (await readFile(file)).subarray(0, 50));
  await rm(file);
  const again = counting();
  await values(diskCached(again.encoder, { folder, encoderHash: "a" }), [["cat"]]);
  expect(again.asked).toEqual(["cat"]);
});

test("a folder's hash changes with every byte and name", async () => {
  await writeFile(path.join(folder, "a"), "1");
  const first = await hashFolder(folder);
  expect(await hashFolder(folder)).toBe(first);
  await writeFile(path.join(folder, "a"), "2");
  const second = await hashFolder(folder);
  await rm(path.join(folder, "a"));
  await writeFile(path.join(folder, "b"), "2");
  expect(new Set([first, second, await hashFolder(folder)]).size).toBe(3);
  await rm(path.join(folder, "b"));
  await expect(hashFolder(folder)).rejects.toThrow(/no files to hash/);
  expect(() => diskCached(counting().encoder, { folder, encoderHash: "" })).toThrow(/encoderHash is empty/);
});
