// A picture of a clip: its frames side by side, as a PNG file.
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

function encode(rows: Uint8Array, height: number, width: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, deflate, no filter method, not interlaced
  return Buffer.concat([
    Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const result = Buffer.alloc(8 + body.byteLength);
  result.writeUInt32BE(data.byteLength, 0);
  result.set(body, 4);
  result.writeUInt32BE(crc32(body), 4 + body.byteLength);
  return result;
}
