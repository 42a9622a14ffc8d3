// A whole video, or a range of it, as one clip.
import { type Clip, ConfigError } from "@noisereel/core";
import { collectClip, type VideoFrame } from "./frame.js";
import { framesInto, type VideoFramesOptions } from "./frames.js";
import { isAnimationFile, readAnimation } from "./animation.js";

export interface ReadVideoOptions extends VideoFramesOptions {
  /** Identity of the clip. Default: the path as given. */
  readonly id?: string | undefined;
  readonly caption?: string | undefined;
  /** Reads at most this many frames and leaves the rest. Default: all. */
  readonly maxFrames?: number | undefined;
  /** The name whose ending says how to read, when `file` is a tar shard. Default: `file`. */
  readonly name?: string | undefined;
  /** A clip that needs more memory is refused. Bytes; default 2 GiB. */
  readonly maxBytes?: number | undefined;
}

/**
 * Reads a video into memory: mp4, mov, webm, mkv, avi, ogv and mpg through ffmpeg, gif and animated webp without it.
 * For long files use `videoFrames`, which holds one frame at a time.
 */
export async function readVideo(file: string, options: ReadVideoOptions = {}): Promise<Clip> {
  const { start = 0, end, maxFrames, startSeconds, endSeconds } = options;
  if (maxFrames !== undefined && (!Number.isInteger(maxFrames) || maxFrames < 1)) {
    throw new ConfigError(`maxFrames is ${maxFrames}; use a positive integer`);
  }
  if (isAnimationFile(options.name ?? file)) {
    if (options.only === undefined) return readAnimation(file, options);
    throw new ConfigError(`only does not apply to ${file}; choose frames with selectFrames after reading`);
  }
  const naming = { ...options, id: options.id ?? file, file };
  if (startSeconds !== undefined || endSeconds !== undefined) {
    return collectClip(firstFrames(framesInto(file, options, {}), maxFrames), naming);
  }
  const stop = maxFrames === undefined ? end : Math.min(end ?? Infinity, start + maxFrames);
  const room = frameRoom(options.only?.length ?? (stop === undefined ? undefined : stop - start));
  const frames = framesInto(file, { ...options, end: stop }, { allocate: room.allocate });
  return collectClip(frames, { ...naming, room });
}

async function* firstFrames(frames: AsyncIterable<VideoFrame>, count = Infinity): AsyncGenerator<VideoFrame> {
  for await (const frame of frames) {
    yield frame;
    if (frame.index === count - 1) return;
  }
}

/** Memory for a clip of which the number of frames is known, so that decoded frames need not be copied together. */
interface FrameRoom {
  readonly allocate: (bytes: number) => Uint8Array;
  /** The memory, when it is filled by frames of one size. */
  readonly whole: () => Uint8Array | undefined;
}

const largestRoom = 2 ** 28;

function frameRoom(frames: number | undefined): FrameRoom {
  let room: Uint8Array | undefined;
  let used = 0;
  return {
    allocate(bytes) {
      if (used === 0 && frames !== undefined && frames * bytes <= largestRoom) room = new Uint8Array(frames * bytes);
      if (room === undefined || used + bytes > room.length) return new Uint8Array(bytes);
      used += bytes;
      return room.subarray(used - bytes, used);
    },
    whole: () => (room !== undefined && used === room.length ? room : undefined),
  };
}
