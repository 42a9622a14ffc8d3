// Pictures of a clip: its frames side by side as a PNG file, or one after the other as an animated one.
import type { Clip } from "@noisereel/core";
import { crc32, deflateSync } from "node:zlib";

export interface Picture {
  readonly png: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** At most `columns` frames, evenly chosen, from left to right. */
export function filmStrip(clip: Clip, columns = 8): Picture {
  const shown = Math.min(columns, clip.frames);
  const frames = Array.from({ length: shown }, (_, i) =>
    shown === 1 ? 0 : Math.round((i * (clip.frames - 1)) / (shown - 1)),
  );
  const rowBytes = clip.width * 3;
  const width = clip.width * shown;
  // Each row of a PNG starts with the number of its filter, 0 for none.
  const rows = new Uint8Array(clip.height * (1 + width * 3));
  for (let y = 0; y < clip.height; y++) {
    for (const [column, frame] of frames.entries()) {
      const source = (frame * clip.height + y) * rowBytes;
      rows.set(clip.pixels.subarray(source, source + rowBytes), y * (1 + width * 3) + 1 + column * rowBytes);
    }
  }
  return { png: encode(rows, clip.height, width), height: clip.height, width };
}

/** Every frame in its turn, for ever, at the clip's rate: the APNG extension, which every browser plays. */
export function animatedPng({ pixels, frames, height, width, fps }: Clip): Uint8Array {
  const rowBytes = 1 + width * 3;
  const parts = [signature, chunk("IHDR", header(height, width)), chunk("acTL", words([frames, 0]))];
  let sequence = 0;
  for (let frame = 0; frame < frames; frame++) {
    const rows = new Uint8Array(height * rowBytes);
    for (let y = 0; y < height; y++) {
      const source = (frame * height + y) * width * 3;
      rows.set(pixels.subarray(source, source + width * 3), y * rowBytes + 1);
    }
    // Number, size, place, seconds a frame as a fraction, leave as it is, replace what was there.
    const control = Buffer.alloc(26);
    control.set(words([sequence++, width, height, 0, 0]));
    control.writeUInt16BE(100, 20);
    control.writeUInt16BE(Math.min(65_535, Math.max(1, Math.round(fps * 100))), 22);
    parts.push(chunk("fcTL", control));
    const data = deflateSync(rows);
    // The first frame is also the picture for those who know no animation.
    if (frame === 0) parts.push(chunk("IDAT", data));
    else parts.push(chunk("fdAT", Buffer.concat([words([sequence++]), data])));
  }
  return Buffer.concat([...parts, chunk("IEND", new Uint8Array())]);
}

function encode(rows: Uint8Array, height: number, width: number): Uint8Array {
  const end = chunk("IEND", new Uint8Array());
  return Buffer.concat([signature, chunk("IHDR", header(height, width)), chunk("IDAT", deflateSync(rows)), end]);
}

const signature = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function header(height: number, width: number): Buffer {
  // 8 bits, RGB, deflate, no filter method, not interlaced
  return Buffer.concat([words([width, height]), Uint8Array.from([8, 2, 0, 0, 0])]);
}

/** 32 bits each, big endian. */
function words(values: readonly number[]): Buffer {
  const result = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) result.writeUInt32BE(value, 4 * index);
  return result;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const result = Buffer.alloc(8 + body.byteLength);
  result.writeUInt32BE(data.byteLength, 0);
  result.set(body, 4);
  result.writeUInt32BE(crc32(body), 4 + body.byteLength);
  return result;
}
