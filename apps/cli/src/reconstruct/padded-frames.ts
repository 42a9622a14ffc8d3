// A video of any length and size as frames on the disk that an autoencoder takes: edges and the last frame repeated.
import { FrameFile, type RegionReader } from "@noisereel/causal-vae";
import { ClipError, type Stride } from "@noisereel/core";
import { fromUint8, videoFrames } from "@noisereel/data";
import * as tf from "@tensorflow/tfjs";

export interface PaddedFrames {
  /** Of the video itself. */
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Frames a second. */
  readonly fps: number;
  /** The padded clip. */
  readonly reader: RegionReader;
  /** The bytes of one frame of the video, `[height, width, 3]`. */
  read(frame: number): Promise<Uint8Array>;
  /** Removes the file. */
  close(): Promise<void>;
}

/**
 * Decodes `input` frame by frame into a temporary file. Height and width are filled up to multiples of the stride by
 * repeating the last row and column, the length to `time * k + 1` by repeating the last frame.
 */
export async function readPadded(
  input: string,
  options: {
    readonly stride: Stride;
    readonly maxFrames?: number | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly onFrame?: (count: number) => void;
  },
): Promise<PaddedFrames> {
  const { stride, maxFrames, signal, onFrame } = options;
  let file: FrameFile | undefined;
  let size = { height: 0, width: 0, fps: 0 };
  let count = 0;
  let last: Uint8Array | undefined;
  try {
    for await (const { height, width, fps, pixels } of videoFrames(input, { end: maxFrames, signal })) {
      const fill = (length: number, step: number): number => Math.ceil(length / step) * step;
      file ??= await FrameFile.create({
        height: fill(height, stride.height),
        width: fill(width, stride.width),
        type: "uint8",
      });
      size = { height, width, fps };
      last = padded(pixels, size, file);
      await file.write(count++, last);
      onFrame?.(count);
    }
    if (file === undefined || last === undefined) throw new ClipError(`${input} has no frames`, { path: input });
    const frames = Math.ceil((count - 1) / stride.time) * stride.time + 1;
    for (let index = count; index < frames; index++) await file.write(index, last);
    return paddedFrames(file, count, size);
  } catch (error) {
    await file?.close();
    throw error;
  }
}

function paddedFrames(
  file: FrameFile,
  frames: number,
  size: { readonly height: number; readonly width: number; readonly fps: number },
): PaddedFrames {
  const { height, width } = size;
  return {
    frames,
    ...size,
    reader: {
      frames: file.frames,
      height: file.height,
      width: file.width,
      async read(start, count, region) {
        const length = region.height * region.width * 3;
        const values = new Float32Array(count * length);
        for (let index = 0; index < count; index++) {
          const bytes = await file.read(start + index, region);
          for (let place = 0; place < length; place++) values[index * length + place] = fromUint8(bytes[place]!);
        }
        return tf.tensor5d(values, [1, count, region.height, region.width, 3]);
      },
    },
    read: async (frame) => (await file.read(frame, { top: 0, left: 0, height, width })) as Uint8Array,
    close: () => file.close(),
  };
}

/** `pixels` `[height, width, 3]` in the corner of a larger frame, its edges repeated. */
function padded(
  pixels: Uint8Array,
  from: { readonly height: number; readonly width: number },
  to: { readonly height: number; readonly width: number },
): Uint8Array {
  if (from.height === to.height && from.width === to.width) return pixels;
  const result = new Uint8Array(to.height * to.width * 3);
  for (let row = 0; row < to.height; row++) {
    const start = Math.min(row, from.height - 1) * from.width * 3;
    const target = row * to.width * 3;
    result.set(pixels.subarray(start, start + from.width * 3), target);
    const edge = start + (from.width - 1) * 3;
    for (let column = from.width; column < to.width; column++) {
      result.set(pixels.subarray(edge, edge + 3), target + column * 3);
    }
  }
  return result;
}
