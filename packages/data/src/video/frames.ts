// A video's frames one after the other: memory holds one frame, however long the file is.
import { ClipError, ConfigError } from "@noisereel/core";
import { type FilePart, requireFile, requirePart } from "../files.js";
import { frameRateFromLog } from "../ffmpeg/log.js";
import { ppmFrames } from "../ffmpeg/ppm.js";
import { inputArguments, type ProcessOptions, startFfmpeg } from "../ffmpeg/process.js";

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

export interface VideoFramesOptions extends ProcessOptions {
  /** First frame that is read, from 0. Default 0. Frames before it are decoded and dropped, so that the cut is exact. */
  readonly start?: number | undefined;
  /** First frame that is not read any more. Default: the end of the file. */
  readonly end?: number | undefined;
  /**
   * Only these frames, counted from `start`, in ascending order: others are decoded but neither converted nor handed over, and
   * decoding ends with the last. Default: all.
   */
  readonly only?: readonly number[] | undefined;
  /** Resamples to this many frames a second, by the nearest time stamp, before `start` and `end` count. Default: every frame once. */
  readonly fps?: number | undefined;
  /**
   * Lets ffmpeg crop the centre to this aspect and scale it (bicubic). Fast for large files, but not the resampler of
   * `centerCropResize`. Default: the file's own size.
   */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
  /** Reads this piece of `file`, for example a member of a tar shard. Default: the whole file. */
  readonly part?: FilePart | undefined;
  /** Largest height times width that is accepted. Default 33,177,600 (7680x4320). */
  readonly maxPixels?: number | undefined;
  /** What to do with frames that are damaged: `throw` (default), or `keep` them as ffmpeg conceals them. */
  readonly damaged?: "throw" | "keep" | undefined;
}

/**
 * Decodes the first video stream of `file`. Leaving the loop ends the decoder. Throws `ClipError` when the file is
 * missing, empty, of a refused format, damaged, or has no frame in the range.
 */
export function videoFrames(file: string, options: VideoFramesOptions = {}): AsyncGenerator<VideoFrame> {
  return framesInto(file, options, undefined);
}

/** `videoFrames` with the pixels in memory that `allocate` gives. */
export async function* framesInto(
  file: string,
  options: VideoFramesOptions,
  allocate: ((bytes: number) => Uint8Array) | undefined,
): AsyncGenerator<VideoFrame> {
  const { maxPixels = 33_177_600, damaged = "throw" } = options;
  const filters = filterChain(options);
  requirePart(file, await requireFile(file), options.part);
  const ffmpeg = await startFfmpeg(
    [...inputArguments(file, options.part), "-vf", filters, "-r", "25", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"],
    { ...options, file, action: "read" },
  );
  try {
    let index = 0;
    let fps: number | undefined;
    for await (const frame of ppmFrames(ffmpeg.output, { file, maxPixels, allocate })) {
      fps ??= options.fps ?? (await ffmpeg.logged(frameRateFromLog));
      if (fps === undefined) throw new ClipError(`cannot read ${file}: it states no frame rate`, { path: file });
      yield { index, ...frame, fps };
      index++;
    }
    await ffmpeg.finish();
    const problem = ffmpeg.errors[0];
    if (damaged === "throw" && problem !== undefined) {
      throw new ClipError(
        `${file} is damaged: ${problem} (${index} frames were decoded; damaged: "keep" accepts them)`,
        { path: file },
      );
    }
    if (index === 0) throw new ClipError(noFrames(file, options), { path: file });
  } finally {
    await ffmpeg.stop();
  }
}

const noFrames = (file: string, { start = 0, end }: VideoFramesOptions): string =>
  start === 0 && end === undefined
    ? `${file} holds no video frames that can be decoded`
    : `${file} has no frame from ${start} to ${end ?? "its end"}; it is shorter`;

/** Every decoded frame gets the time stamp N/25, so that no ffmpeg version drops or repeats one to keep a rate. */
function filterChain(options: VideoFramesOptions): string {
  const { start = 0, only, fps, size } = options;
  const end = only === undefined ? options.end : start + lastOf(only, options) + 1;
  if (!Number.isInteger(start) || start < 0) throw new ConfigError(`start is ${start}; use a frame number, 0 or more`);
  if (end !== undefined && (!Number.isInteger(end) || end <= start)) {
    throw new ConfigError(`end is ${end}; use a frame number larger than start (${start})`);
  }
  if (fps !== undefined && !(fps > 0 && fps <= 1000))
    throw new ConfigError(`fps is ${fps}; use more than 0, at most 1000`);
  const exact = "accurate_rnd+full_chroma_int+full_chroma_inp+bitexact";
  const filters = fps === undefined ? [] : [`fps=${fps}:round=near`];
  if (start > 0 || end !== undefined) {
    filters.push(`trim=start_frame=${start}${end === undefined ? "" : `:end_frame=${end}`}`);
  }
  if (only !== undefined && only.length < only.at(-1)! + 1) filters.push(`select='${chosen(only)}'`);
  filters.push("settb=1/25", "setpts=N");
  if (size === undefined) filters.push(`scale=iw:ih:flags=bicubic+${exact}`);
  else {
    const { height, width } = size;
    for (const [name, value] of Object.entries({ height, width })) {
      if (!Number.isInteger(value) || value < 1)
        throw new ConfigError(`size.${name} is ${value}; use a positive integer`);
    }
    filters.push(`crop='min(iw,ih*${width}/${height})':'min(ih,iw*${height}/${width})'`);
    filters.push(`scale=${width}:${height}:flags=bicubic+${exact}`);
  }
  return [...filters, "format=rgb24"].join(",");
}

/** The last of the chosen frames. */
function lastOf(only: readonly number[], { start = 0, end = Infinity }: VideoFramesOptions): number {
  const wrong = only.find(
    (frame, i) => !Number.isInteger(frame) || frame <= (only[i - 1] ?? -1) || start + frame >= end,
  );
  if (only.length === 0 || wrong !== undefined) {
    throw new ConfigError(
      `only is [${only.join(", ")}]; use at least one frame number, from 0, ascending, below ${end - start}`,
    );
  }
  return only.at(-1)!;
}

/** An expression of ffmpeg's `select` that is true for these frames: runs of neighbours as one term. */
function chosen(only: readonly number[]): string {
  const starts = only.filter((frame, i) => i === 0 || frame !== only[i - 1]! + 1);
  const ends = only.filter((frame, i) => i === only.length - 1 || frame !== only[i + 1]! - 1);
  return starts.map((first, i) => `between(n,${first},${ends[i]})`).join("+");
}
