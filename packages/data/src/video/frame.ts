// Frames as values, and streams of them: what Node and browsers share.
import { type Clip, ClipError } from "@noisereel/core";
import { createClip, framePixels } from "../clip.js";

/** One decoded frame. */
export interface VideoFrame {
  /** Position among the frames that are read, from 0. */
  readonly index: number;
  readonly height: number;
  readonly width: number;
  /** Frames a second of the stream that is read. */
  readonly fps: number;
  /** RGB bytes, `[H, W, 3]`. */
  readonly pixels: Uint8Array;
}

/** A clip, or frames one after the other. */
export type FrameSource = Clip | AsyncIterable<VideoFrame> | Iterable<VideoFrame>;

export const isClip = (source: FrameSource): source is Clip => "pixels" in source;

/** The frames of a clip in memory, as `videoFrames` gives them. */
export function* clipFrames(clip: Clip): Generator<VideoFrame> {
  const { height, width, fps } = clip;
  for (let index = 0; index < clip.frames; index++) {
    yield { index, height, width, fps, pixels: framePixels(clip, index) };
  }
}

/** Puts frames together as one clip. They must agree in size. */
export async function collectClip(
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: {
    readonly id: string;
    readonly caption?: string | undefined;
    /** A clip that needs more memory is refused. Bytes; default 2 GiB. */
    readonly maxBytes?: number | undefined;
    /** What errors name. Default: the id. */
    readonly file?: string;
    /** Memory that the frames may lie in already, one after the other. */
    readonly room?: { whole(): Uint8Array | undefined };
  },
): Promise<Clip> {
  const { id, caption, maxBytes = 2 ** 31, file = id } = options;
  const parts: Uint8Array[] = [];
  let bytes = 0;
  let first: VideoFrame | undefined;
  for await (const frame of frames) {
    first ??= frame;
    if (frame.height !== first.height || frame.width !== first.width) {
      throw new ClipError(
        `${file} changes its size from ${first.width}x${first.height} to ${frame.width}x${frame.height} at frame ${frame.index}; give a size`,
        { path: file },
      );
    }
    bytes += frame.pixels.length;
    if (bytes > maxBytes) {
      throw new ClipError(
        `${file} needs more than ${Math.round(maxBytes / 2 ** 20)} MiB of memory at ${first.width}x${first.height}; read a range (start, end, maxFrames), a smaller size, or raise maxBytes`,
        { path: file },
      );
    }
    parts.push(frame.pixels);
  }
  if (first === undefined) throw new ClipError(`${file} gave no frames`, { path: file });
  const whole = options.room?.whole();
  const pixels = whole?.length === bytes ? whole : joined(parts, bytes);
  return createClip(pixels, { id, caption, height: first.height, width: first.width, fps: first.fps });
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const pixels = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    pixels.set(part, offset);
    offset += part.length;
  }
  return pixels;
}
