import { CheckpointError, toFloat32 } from "@noisereel/core";
import fc from "fast-check";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { formulaNumbers, torchFixture } from "../../test/torch/fixtures.js";
import { openTorchCheckpoint } from "./checkpoint.js";
import { TorchTensor, type TorchValue } from "./values.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "torch-checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function readAll(file: string): Promise<Record<string, { dtype: string; shape: number[]; values: number[] }>> {
  const checkpoint = await openTorchCheckpoint(file);
  try {
    const result: Record<string, { dtype: string; shape: number[]; values: number[] }> = {};
    for (const [name, value] of checkpoint.root as ReadonlyMap<string, TorchValue>) {
      const stored = await checkpoint.read(value as TorchTensor, name);
      result[name] = { dtype: stored.dtype, shape: [...stored.shape], values: [...toFloat32(stored)] };
    }
    return result;
  } finally {
    await checkpoint.close();
  }
}

const six = [...formulaNumbers(6)];
const base = [...formulaNumbers(24)]; // [4, 6]
const at = (row: number, column: number): number => base[row * 6 + column]!;
const integers = [-2, -1, 0, 1, 2, 3];

const expectedViews = {
  float32: { dtype: "F32", shape: [2, 3], values: six },
  float16: { dtype: "F16", shape: [2, 3], values: six },
  bfloat16: { dtype: "BF16", shape: [2, 3], values: six },
  float64: { dtype: "F64", shape: [2, 3], values: six },
  int64: { dtype: "I64", shape: [6], values: integers },
  int32: { dtype: "I32", shape: [6], values: integers },
  int16: { dtype: "I32", shape: [6], values: integers },
  int8: { dtype: "I32", shape: [6], values: integers },
  uint8: { dtype: "U8", shape: [6], values: [250, 251, 252, 253, 254, 255] },
  bool: { dtype: "BOOL", shape: [3], values: [1, 0, 1] },
  scalar: { dtype: "F32", shape: [], values: [0.5] },
  empty: { dtype: "F32", shape: [0, 3], values: [] },
  parameter: { dtype: "F32", shape: [3], values: six.slice(0, 3) },
  whole: { dtype: "F32", shape: [4, 6], values: base },
  transposed: { dtype: "F32", shape: [6, 4], values: grid(6, 4, (row, column) => at(column, row)) },
  window: { dtype: "F32", shape: [2, 3], values: grid(2, 3, (row, column) => at(row + 1, column + 2)) },
  every_second: { dtype: "F32", shape: [2, 2], values: grid(2, 2, (row, column) => at(2 * row, 3 * column)) },
  expanded: { dtype: "F32", shape: [3, 4], values: grid(3, 4, (row) => six[row]!) },
};

function grid(rows: number, columns: number, value: (row: number, column: number) => number): number[] {
  return Array.from({ length: rows * columns }, (_, index) => value(Math.floor(index / columns), index % columns));
}

test.each(["views.pt", "views-protocol4.pt", "views-legacy.pt"])(
  "every element type and every view of a storage, %s",
  async (name) => {
    expect(await readAll(torchFixture(name))).toEqual(expectedViews);
  },
);

test.each(["evil.pt", "evil-legacy.pt"])("a function in the pickle is named and not run, %s", async (name) => {
  const here = await readdir(process.cwd());
  await expect(openTorchCheckpoint(torchFixture(name))).rejects.toThrow(
    /evil.*\.pt asks for posix\.system, which no checkpoint of weights needs; nothing was run/,
  );
  expect(await readdir(process.cwd())).toEqual(here);
});

test.each([
  ["compressed.pt", /compressed or encrypted entry/],
  ["make-fixtures.py", /begins neither as a zip archive nor as a pickle/],
  ["nowhere.pt", /cannot open .*nowhere\.pt/],
])("%s is refused in a sentence", async (name, message) => {
  await expect(openTorchCheckpoint(torchFixture(name))).rejects.toThrow(message);
});

/** Hand-made pickles put in the place of `views.pt`'s, cut or filled up to its length. */
async function withPickle(change: (pickle: Buffer) => void): Promise<string> {
  const bytes = await readFile(torchFixture("views.pt"));
  const start = bytes.indexOf(Buffer.from([0x80, 0x02])); // the pickle's first two bytes
  const end = bytes.indexOf("PK", start); // of the next entry
  change(bytes.subarray(start, end));
  const file = path.join(folder, "changed.pt");
  await writeFile(file, bytes);
  return file;
}

test.each([
  ["a class made without a call", "(ios\nsystem\n.", /operation 0x69 is not one that describes weights/],
  ["a backward jump", "B\xff\xff\xff\xff.", /it ends in the middle/],
  ["a length beyond the file", "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.", /it ends in the middle/],
  ["a string where a function should be", "X\x01\x00\x00\x00a)R.", /cannot be read/],
  ["a name with control characters", "cos\x1b[2J\nsystem\n.", /asks for os\?\?2J\.system/],
  ["an import by stacked names", "\x8c\x08builtins\x8c\x04eval\x93.", /asks for builtins\.eval/],
  ["an attribute of an allowed module", "ctorch\nload\n.", /asks for torch\.load/],
  ["an empty stack", "s.", /cannot be read/],
  [
    "a storage of another kind",
    "(X\x07\x00\x00\x00storageX\x01\x00\x00\x00aX\x01\x00\x00\x000NK\x01tQ.",
    /unknown kind/,
  ],
])("%s in a pickle is refused", async (_, pickle, message) => {
  const file = await withPickle((bytes) => bytes.fill(0).write(`\x80\x02${pickle}`, "latin1"));
  await expect(openTorchCheckpoint(file)).rejects.toThrow(message);
});

test("a tensor cannot be changed after it was described", async () => {
  // _rebuild_tensor_v2(storage, 0, (1,), (1,)), then BUILD with {"shape": (9,)}.
  const text = (value: string): string => `X${String.fromCharCode(value.length)}\0\0\0${value}`;
  const storage = `(${text("storage")}ctorch\nFloatStorage\n${text("0")}${text("cpu")}K\x06tQ`;
  const tensor = `ctorch._utils\n_rebuild_tensor_v2\n(${storage}K\x00K\x01\x85K\x01\x85tR`;
  const file = await withPickle((bytes) =>
    bytes.fill(0).write(`\x80\x02${tensor}}${text("shape")}K\x09\x85sb.`, "latin1"),
  );
  await expect(openTorchCheckpoint(file)).rejects.toThrow(/cannot be read/);
});

test("a view that its storage does not hold is refused when it is read", async () => {
  const bytes = await readFile(torchFixture("nan.pt"));
  // The shape (2,) and the stride (1,): K 02 85, K 01 85.
  const place = bytes.indexOf(Buffer.from([0x4b, 0x02, 0x85]));
  bytes[place + 1] = 200;
  const file = path.join(folder, "view.pt");
  await writeFile(file, bytes);
  await expect(readAll(file)).rejects.toThrow(/a has shape \[200\], which its storage of 2 elements does not hold/);
});

test("entries that claim more bytes than the file has are refused", async () => {
  const bytes = await readFile(torchFixture("nan.pt"));
  const entry = bytes.indexOf(Buffer.from("PK\x01\x02", "latin1")); // the first of the central directory
  bytes.writeUInt32LE(0x7fffffff, entry + 20); // its size, compressed
  bytes.writeUInt32LE(0x7fffffff, entry + 24); // and not
  const file = path.join(folder, "large.pt");
  await writeFile(file, bytes);
  await expect(openTorchCheckpoint(file)).rejects.toThrow(/claims more bytes than it has/);
});

test.each(["nan.pt", "legacy.pt"])(
  "any cut or flipped byte of %s ends in a CheckpointError or in tensors, never in anything else",
  async (name) => {
    const whole = await readFile(torchFixture(name));
    const file = path.join(folder, "mutated.pt");
    const survives = async (bytes: Uint8Array): Promise<void> => {
      await writeFile(file, bytes);
      await readAll(file).catch((error: unknown) => {
        if (!CheckpointError.isInstance(error)) throw error;
      });
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (place, value) => {
        const bytes = Uint8Array.from(whole);
        bytes[place] = value;
        await survives(bytes);
        await survives(whole.subarray(0, place));
      }),
      { numRuns: 150, seed: 7 },
    );
  },
);
