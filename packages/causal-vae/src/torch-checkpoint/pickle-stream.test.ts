import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { torchFixture } from "../../test/torch/fixtures.js";
import { openTorchCheckpoint } from "./checkpoint.js";
import type { TorchTensor } from "./values.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "pickle-stream-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Opens a file of these bytes. */
async function open(bytes: Uint8Array) {
  const file = path.join(folder, "changed.pt");
  await writeFile(file, bytes);
  return openTorchCheckpoint(file);
}

/** `{"a": tensor of two float32}`: the pickles, then one storage of 8 + 8 bytes. */
const whole = (): Promise<Buffer> => readFile(torchFixture("legacy.pt"));

const text = (value: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  return Buffer.concat([Buffer.from("X"), length, Buffer.from(value)]);
};
const latin = (value: string): Buffer => Buffer.from(value, "latin1");
/** The pickles before what was saved, as every file begins. */
async function header(): Promise<Buffer> {
  const bytes = await whole();
  const last = bytes.lastIndexOf(latin("\x80\x02"), bytes.indexOf("FloatStorage")); // where what was saved begins
  return bytes.subarray(0, last);
}

test("the values of a file from before PyTorch 1.6", async () => {
  const checkpoint = await openTorchCheckpoint(torchFixture("legacy.pt"));
  const tensor = (checkpoint.root as ReadonlyMap<string, TorchTensor>).get("a")!;
  const { bytes, shape } = await checkpoint.read(tensor, "a");
  await checkpoint.close();
  expect(shape).toEqual([2]);
  expect([...new Float32Array(bytes.slice().buffer)]).toEqual([-50 / 256, -13 / 256]);
});

test("every cut is refused, or noticed when the tensor is read", async () => {
  const bytes = await whole();
  for (let length = 0; length < bytes.length; length++) {
    await expect(open(bytes.subarray(0, length)), `${length} bytes`).rejects.toThrow(
      /damaged|not a PyTorch checkpoint|cut short/,
    );
  }
});

test.each<[string, (bytes: Buffer) => Uint8Array, RegExp]>([
  [
    "another magic number",
    (bytes) => bytes.fill(0x55, 6, 8),
    /is a pickle, but none that torch\.save wrote; save the weights with torch\.save/,
  ],
  [
    "another version",
    (bytes) => (bytes.writeUInt16LE(1002, bytes.indexOf(latin("M\xe9\x03")) + 1), bytes),
    /unknown version/,
  ],
  [
    "a big-endian machine",
    (bytes) => (bytes.writeUInt8(0x89, bytes.indexOf("little_endian") + "little_endian".length + 2), bytes),
    /not saved on a little-endian machine/,
  ],
  [
    "a count that differs from the storage's",
    (bytes) => (bytes.writeBigInt64LE(2n ** 62n, bytes.length - 16), bytes),
    /a storage is said to have 2 elements and holds 4611686018427387904; the file is damaged/,
  ],
  [
    "a negative count",
    (bytes) => (bytes.writeBigInt64LE(-2n, bytes.length - 16), bytes),
    /is said to have 2 elements and holds -2/,
  ],
])("%s is refused", async (_, change, message) => {
  await expect(open(change(await whole()))).rejects.toThrow(message);
});

/** What was saved: a tensor of `count` elements in storage `key`, whose persistent id ends with `part`. */
const tensorPickle = (key: string, count: Buffer, part: Buffer): Buffer =>
  Buffer.concat([
    latin("\x80\x02}"),
    text("a"),
    latin("ctorch._utils\n_rebuild_tensor_v2\n(("),
    text("storage"),
    latin("ctorch\nFloatStorage\n"),
    text(key),
    text("cpu"),
    count,
    part,
    latin("tQK\x00"), // offset
    Buffer.concat([count, latin("\x85K\x01\x85tRs.")]), // shape and strides
  ]);
const two = latin("K\x02");
const storageOf = (count: bigint): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes.writeBigInt64LE(count);
  return bytes;
};
const keyList = (...keys: readonly string[]): Buffer =>
  Buffer.concat([latin("\x80\x02]("), ...keys.map(text), latin("e.")]);

test("a hand-made file is read like torch's", async () => {
  const parts = [await header(), tensorPickle("0", two, latin("N")), keyList("0"), storageOf(2n)];
  const checkpoint = await open(Buffer.concat(parts));
  const tensor = (checkpoint.root as ReadonlyMap<string, TorchTensor>).get("a")!;
  expect((await checkpoint.read(tensor, "a")).bytes).toEqual(new Uint8Array(8));
  await checkpoint.close();
});

test.each<[string, readonly Buffer[], RegExp]>([
  [
    "a huge storage, rightly counted",
    [tensorPickle("0", latin("\x8a\x06\0\0\0\0\0\x10"), latin("N")), keyList("0"), storageOf(2n ** 44n)],
    /a storage of 70368744177664 bytes begins at byte \d+ of \d+; the file may be cut short/,
  ],
  [
    "a storage that is part of another",
    [tensorPickle("0", two, latin("K\x01K\x00K\x01\x87")), keyList("0"), storageOf(2n)],
    /part of another, which only PyTorch 0\.3 wrote/,
  ],
  [
    "a key that no tensor has",
    [tensorPickle("0", two, latin("N")), keyList("1"), storageOf(2n)],
    /names one that no tensor has/,
  ],
  [
    "a key named twice",
    [tensorPickle("0", two, latin("N")), keyList("0", "0"), storageOf(2n), storageOf(2n)],
    /or one twice/,
  ],
  [
    "a number where the keys should be",
    [tensorPickle("0", two, latin("N")), latin("\x80\x02K\x01."), storageOf(2n)],
    /the list of its storages is missing/,
  ],
  [
    "a text that is longer than the file",
    [latin("\x80\x02X\xff\xff\xff\x7fa.")],
    /its pickle cannot be read \(it ends in the middle\)/,
  ],
  [
    "what was saved in more bytes than are read",
    [latin("\x80\x02("), Buffer.alloc(9 * 2 ** 20, "N"), latin("l.")],
    /describes its content in more than 8388608 bytes/,
  ],
  [
    "a function among the keys",
    [tensorPickle("0", two, latin("N")), latin("\x80\x02cos\nsystem\n.")],
    /asks for os\.system/,
  ],
])("%s is refused", async (_, parts, message) => {
  await expect(open(Buffer.concat([await header(), ...parts]))).rejects.toThrow(message);
});

test("a tensor whose storage is not listed is refused when it is read", async () => {
  const checkpoint = await open(Buffer.concat([await header(), tensorPickle("0", two, latin("N")), keyList()]));
  const tensor = (checkpoint.root as ReadonlyMap<string, TorchTensor>).get("a")!;
  await expect(checkpoint.read(tensor, "a")).rejects.toThrow(
    /a needs 8 bytes of data\/0, which has 0; the file is damaged/,
  );
  await checkpoint.close();
});
