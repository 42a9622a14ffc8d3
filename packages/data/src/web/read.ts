// A whole video, or a range of it, as one clip.
import { type CallOptions, type Clip, ConfigError } from "@noisereel/core";
import { fileName, type WebFile } from "./file.js";
import { collectClip, type VideoFrame } from "../video/frame.js";
import { videoFrames, type VideoFramesOptions } from "./frames.js";

export interface ReadVideoOptions extends VideoFramesOptions, Pick<CallOptions, "onProgress"> {
  /** Identity of the clip. Default: the file's name or address. */
  readonly id?: string | undefined;
  readonly caption?: string | undefined;
  /** Reads at most this many frames and leaves the rest. Default: all. */
  readonly maxFrames?: number | undefined;
  /** A clip that needs more memory is refused. Bytes; default 2 GiB. */
  readonly maxBytes?: number | undefined;
}

/**
 * Reads a video into memory; progress tells the frames read so far as `load` events. For long files use `videoFrames`, which
 * holds a few frames at a time.
 */
export async function readVideo(file: WebFile, options: ReadVideoOptions = {}): Promise<Clip> {
  const { start = 0, end, maxFrames, onProgress } = options;
  if (maxFrames !== undefined && (!Number.isInteger(maxFrames) || maxFrames < 1)) {
    throw new ConfigError(`maxFrames is ${maxFrames}; use a positive integer`);
  }
  const stop = maxFrames === undefined ? end : Math.min(end ?? Infinity, start + maxFrames);
  const name = fileName(file);
  const frames = videoFrames(file, { ...options, end: stop });
  return collectClip(onProgress === undefined ? frames : told(frames, name, onProgress), {
    ...options,
    id: options.id ?? name,
  });
}

async function* told(
  frames: AsyncIterable<VideoFrame>,
  file: string,
  onProgress: NonNullable<CallOptions["onProgress"]>,
): AsyncGenerator<VideoFrame> {
  for await (const frame of frames) {
    yield frame;
    onProgress({ type: "load", file, loaded: frame.index + 1 });
  }
}
