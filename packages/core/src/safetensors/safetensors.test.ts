import fc from "fast-check";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { StoredDtype, StoredTensor } from "../contracts.js";
import { CheckpointError } from "../errors.js";
import { storeFloats, toFloat32 } from "./dtype.js";
import { openSafetensors, readSafetensors, readWeights, writeSafetensors } from "./files.js";
import { parseSafetensors, serializeSafetensors } from "./format.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-safetensors-"));
});

const small = new Map([["a", storeFloats(Float32Array.of(1, 2, 3), [3])]]);

describe("element types", () => {
  it.each([
    ["F16", 1 / 3, 0.333251953125],
    ["F16", 65504, 65504],
    ["F16", 65520, Infinity],
    ["F16", 6e-8, 5.960464477539063e-8],
    ["F16", -0.0001, -0.00010001659393310547],
    ["BF16", 1 / 3, 0.333984375],
    ["BF16", 1.00390625, 1],
    ["BF16", 1.01171875, 1.015625],
  ] as const)("%s rounds %d to %d", (dtype, value, expected) => {
    expect(toFloat32(storeFloats(Float32Array.of(value), [1], dtype))[0]).toBe(Math.fround(expected));
  });

  it("F16 and BF16 keep every value they can represent", () => {
    for (const dtype of ["F16", "BF16"] as const) {
      for (let bits = 0; bits < 0x10000; bits += 7) {
        const stored: StoredTensor = { dtype, shape: [1], bytes: new Uint8Array(Uint16Array.of(bits).buffer) };
        const value = toFloat32(stored);
        const again = storeFloats(value, [1], dtype);
        if (Number.isNaN(value[0])) expect(toFloat32(again)[0]).toBeNaN();
        else expect(again.bytes).toEqual(stored.bytes);
      }
    }
  });

  it("reads the others as float32", () => {
    const read = (dtype: StoredDtype, data: ArrayBufferView<ArrayBuffer>, count: number) => [
      ...toFloat32({ dtype, shape: [count], bytes: new Uint8Array(data.buffer) }),
    ];
    expect(read("I64", BigInt64Array.of(-3n, 7n), 2)).toEqual([-3, 7]);
    expect(read("I32", Int32Array.of(-3), 1)).toEqual([-3]);
    expect(read("F64", Float64Array.of(0.5), 1)).toEqual([0.5]);
    expect(read("BOOL", Uint8Array.of(1, 0), 2)).toEqual([1, 0]);
  });
});

describe("safetensors", () => {
  it("gives back what it wrote", async () => {
    const tensor = fc
      .array(fc.float({ noNaN: true }), { maxLength: 20 })
      .map((values) => storeFloats(Float32Array.from(values), [values.length]));
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string({ minLength: 1 }), tensor), async (named) => {
        const tensors = new Map(Object.entries(named).filter(([name]) => name !== "__metadata__"));
        const parsed = parseSafetensors(serializeSafetensors(tensors, { note: "x" }));
        expect([...parsed.tensors].map(([name, { bytes }]) => [name, [...bytes]])).toEqual(
          [...tensors].map(([name, { bytes }]) => [name, [...bytes]]),
        );
        expect(parsed.metadata).toEqual({ note: "x" });
      }),
    );
  });

  it("gives back a tensor of any name", () => {
    const names = ["__proto__", "constructor", "2", "1", ""];
    const tensors = new Map(names.map((name, value) => [name, storeFloats(Float32Array.of(value), [1])]));
    const parsed = parseSafetensors(serializeSafetensors(tensors));
    expect(parsed.tensors.size).toBe(names.length);
    for (const [value, name] of names.entries()) expect([...toFloat32(parsed.tensors.get(name)!)]).toEqual([value]);
  });

  it("writes the format that others read", () => {
    const bytes = serializeSafetensors(small);
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as unknown;
    expect(header).toEqual({ a: { dtype: "F32", shape: [3], data_offsets: [0, 12] } });
    expect(bytes.byteLength).toBe(8 + length + 12);
  });

  it("reads one tensor at a time", async () => {
    const file = path.join(folder, "x.safetensors");
    await writeSafetensors(file, small);
    const opened = await openSafetensors(file);
    expect([...toFloat32(await opened.read("a"))]).toEqual([1, 2, 3]);
    await expect(opened.read("b")).rejects.toThrow("holds no tensor b");
    await opened.close();
    expect(await readdir(folder)).toEqual(["x.safetensors"]);
  });

  it("reads shards through their index", async () => {
    await writeSafetensors(path.join(folder, "model-1.safetensors"), small);
    await writeSafetensors(path.join(folder, "model-2.safetensors"), new Map([["b", small.get("a")!]]));
    const index = { weight_map: { a: "model-1.safetensors", b: "model-2.safetensors" } };
    await writeFile(path.join(folder, "model.safetensors.index.json"), JSON.stringify(index));
    expect([...(await readWeights(folder)).keys()]).toEqual(["a", "b"]);
    await writeFile(path.join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: { a: "../x" } }));
    await expect(readWeights(folder)).rejects.toThrow("must lie beside it");
  });

  it("refuses damaged files and says why", async () => {
    const whole = serializeSafetensors(small);
    const damage: [Uint8Array, string][] = [
      [whole.subarray(0, 4), "shorter than 8 bytes"],
      [whole.subarray(0, whole.byteLength - 1), "tensor a has bytes 0 to 12"],
      [new Uint8Array(64).fill(255), "claims"],
    ];
    for (const [bytes, message] of damage) {
      expect(() => parseSafetensors(bytes)).toThrow(message);
      const file = path.join(folder, "damaged.safetensors");
      await writeFile(file, bytes);
      await expect(readSafetensors(file)).rejects.toThrow(CheckpointError);
    }
    await expect(readWeights(folder, ["absent"])).rejects.toThrow("looked for absent.safetensors");
    expect((await readFile(path.join(folder, "damaged.safetensors"))).byteLength).toBe(64);
  });
});
