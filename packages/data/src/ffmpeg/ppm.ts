// Frames out of a stream of PPM pictures: each carries its own size, so nothing has to be known before decoding.
import { ClipError } from "@noisereel/core";

export interface RgbFrame {
  readonly height: number;
  readonly width: number;
  /** RGB bytes, `[H, W, 3]`. */
  readonly pixels: Uint8Array;
}

const headerPattern = /^P6\s(\d+)\s(\d+)\s255\s/;
const headerBytes = 32;

export interface PpmOptions {
  readonly file: string;
  readonly maxPixels: number;
  /** Gives the memory for a frame of so many bytes. Default: new memory for each. */
  readonly allocate?: ((bytes: number) => Uint8Array) | undefined;
}

/** Cuts `chunks` into frames. A frame of more than `maxPixels` (height times width) is refused before it is stored. */
export async function* ppmFrames(chunks: AsyncIterable<Uint8Array>, options: PpmOptions): AsyncGenerator<RgbFrame> {
  let head: Buffer = Buffer.alloc(0);
  let frame: RgbFrame | undefined;
  let filled = 0;
  for await (let chunk of chunks) {
    while (chunk.length > 0) {
      if (frame === undefined) {
        const taken = Math.min(chunk.length, headerBytes - head.length);
        head = Buffer.concat([head, chunk.subarray(0, taken)]);
        chunk = chunk.subarray(taken);
        const match = headerPattern.exec(head.toString("latin1"));
        if (match === null) {
          if (head.length < headerBytes) continue;
          throw new ClipError(`cannot read ${options.file}: ffmpeg's output is not a picture stream`, {
            path: options.file,
          });
        }
        frame = allocate(Number(match[2]), Number(match[1]), options);
        filled = 0;
        const rest = head.subarray(match[0].length); // begins with this frame's bytes
        chunk = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        head = Buffer.alloc(0);
      }
      const taken = Math.min(chunk.length, frame.pixels.length - filled);
      frame.pixels.set(chunk.subarray(0, taken), filled);
      filled += taken;
      chunk = chunk.subarray(taken);
      if (filled === frame.pixels.length) {
        yield frame;
        frame = undefined;
      }
    }
  }
}

function allocate(height: number, width: number, options: PpmOptions): RgbFrame {
  if (height * width > options.maxPixels) {
    throw new ClipError(
      `cannot read ${options.file}: its frames of ${width}x${height} exceed the limit of ${options.maxPixels} pixels; raise maxPixels if you trust the file`,
      { path: options.file },
    );
  }
  const bytes = height * width * 3;
  return { height, width, pixels: options.allocate?.(bytes) ?? new Uint8Array(bytes) };
}
