import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { inflateSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { filmStrip } from "./png.js";
import { tensorboardTracker } from "./tensorboard.js";
import { crc32c, maskedChecksum } from "./tfrecord.js";

let folder = "";
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "tensorboard-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The data of every record, its checksums checked. */
function records(file: Buffer): Buffer[] {
  const result: Buffer[] = [];
  for (let at = 0; at < file.byteLength;) {
    const length = Number(file.readBigUInt64LE(at));
    expect(file.readUInt32LE(at + 8)).toBe(maskedChecksum(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedChecksum(data));
    result.push(data);
    at += 16 + length;
  }
  return result;
}

type Message = Map<number, (number | Buffer)[]>;

/** Decodes one protocol-buffer message. */
function decode(data: Buffer): Message {
  const fields: Message = new Map();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = data[at++]!;
      value += (byte & 0x7f) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < data.byteLength) {
    const key = varint();
    const kind = key % 8;
    let value: number | Buffer;
    if (kind === 0) value = varint();
    else if (kind === 1) value = data.readDoubleLE((at += 8) - 8);
    else if (kind === 5) value = data.readFloatLE((at += 4) - 4);
    else {
      const length = varint();
      value = data.subarray(at, (at += length));
    }
    const field = Math.floor(key / 8);
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

test("the checksum is the published one", () => {
  // The check value of CRC-32C in the catalogue of parametrised CRC algorithms.
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

test("an event file holds version, session start, scalars and pictures", async () => {
  const tracker = tensorboardTracker(folder, { prefix: "vae" });
  await tracker.scalars(300, { "loss.fit": 0.5, seconds: 2 });
  const pixels = Uint8Array.from({ length: 3 * 2 * 4 * 3 }, (_, i) => i);
  await tracker.clip!(301, "sample", { id: "a", pixels, frames: 3, height: 2, width: 4, fps: 8 });
  const [file, ...others] = await readdir(folder);
  expect(file).toMatch(/^events\.out\.tfevents\.\d+/);
  expect(others).toEqual([]);
  const events = records(await readFile(path.join(folder, file!))).map(decode);
  expect(events).toHaveLength(4);
  expect(String(events[0]!.get(3)![0])).toBe("brain.Event:2");
  expect(decode(events[1]!.get(7)![0] as Buffer).get(1)).toEqual([1]);
  expect(events.map((event) => event.get(2)?.[0])).toEqual([undefined, 300, 300, 301]);
  const values = decode(events[2]!.get(5)![0] as Buffer)
    .get(1)!
    .map((value) => decode(value as Buffer));
  expect(values.map((value) => [String(value.get(1)![0]), value.get(2)![0]])).toEqual([
    ["vae/loss.fit", 0.5],
    ["vae/seconds", 2],
  ]);
  const picture = decode(decode(decode(events[3]!.get(5)![0] as Buffer).get(1)![0] as Buffer).get(4)![0] as Buffer);
  expect([1, 2, 3].map((field) => picture.get(field)![0])).toEqual([2, 12, 3]);
});

test("a film strip lays the frames side by side", () => {
  const pixels = Uint8Array.from({ length: 3 * 2 * 4 * 3 }, (_, i) => i);
  const { png, width } = filmStrip({ id: "a", pixels, frames: 3, height: 2, width: 4, fps: 8 }, 2);
  expect(width).toBe(8);
  const data = Buffer.from(png);
  const start = data.indexOf("IDAT");
  const rows = inflateSync(data.subarray(start + 4, start + 4 + data.readUInt32BE(start - 4)));
  expect(rows.byteLength).toBe(2 * (1 + 8 * 3));
  expect([...rows.subarray(0, 4)]).toEqual([0, 0, 1, 2]);
  // The second column is the last frame, 48 bytes into the clip.
  expect([...rows.subarray(13, 16)]).toEqual([48, 49, 50]);
});
