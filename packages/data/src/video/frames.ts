// A video's frames one after the other: memory holds one frame, however long the file is.
import { ClipError, ConfigError } from "@noisereel/core";
import { type FilePart, requireFile, requirePart } from "../files.js";
import { frameRateFromLog } from "../ffmpeg/log.js";
import { ppmFrames } from "../ffmpeg/ppm.js";
import { inputArguments, type ProcessOptions, startFfmpeg } from "../ffmpeg/process.js";
import { stampOf } from "../seek/film.js";
import { planSeek, type SeekPlan, type SeekRules, usualSeekRules } from "../seek/plan.js";
import { chooseFromStart, toRgb } from "./filters.js";
import { videoRange } from "./range.js";
import type { VideoFrame } from "./frame.js";

export interface VideoFramesOptions extends ProcessOptions {
  /** First frame that is read, from 0. Default 0. */
  readonly start?: number | undefined;
  /** First frame that is not read any more. Default: the end of the file. */
  readonly end?: number | undefined;
  /**
   * Reads the frames whose time stamp is at least this many seconds from the start of the file; instead of `start`, `end` and
   * `only`. Default: from the first frame.
   */
  readonly startSeconds?: number | undefined;
  /** Reads the frames whose time stamp is below this many seconds. Default: to the last frame. */
  readonly endSeconds?: number | undefined;
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
  /**
   * `auto` (default): a range that is far into an mp4, mov, webm or mkv (H.264, HEVC, VP9) is read from the last key frame before
   * it where that provably gives the same frames; damage before the range is not seen then. `never`: everything before the
   * range is decoded and dropped, as it is for all other files and with `damaged: "keep"`.
   */
  readonly seek?: "auto" | "never" | undefined;
}

/**
 * Decodes the first video stream of `file`. Leaving the loop ends the decoder. Throws `ClipError` when the file is
 * missing, empty, of a refused format, damaged, or has no frame in the range.
 */
export function videoFrames(file: string, options: VideoFramesOptions = {}): AsyncGenerator<VideoFrame> {
  return framesInto(file, options, {});
}

export interface FramesIntoOptions {
  /** Gives the memory for a frame of so many bytes. Default: new memory for each. */
  readonly allocate?: ((bytes: number) => Uint8Array) | undefined;
  readonly rules?: SeekRules | undefined;
}

/** `videoFrames` with the pixels in memory that `allocate` gives. */
export async function* framesInto(
  file: string,
  options: VideoFramesOptions,
  { allocate, rules = usualSeekRules }: FramesIntoOptions,
): AsyncGenerator<VideoFrame> {
  const { fps, seek = "auto" } = options;
  const range = videoRange(options);
  if (fps !== undefined && !(fps > 0 && fps <= 1000))
    throw new ConfigError(`fps is ${fps}; use more than 0, at most 1000`);
  if (!["auto", "never"].includes(seek)) throw new ConfigError(`seek is ${seek}; use "auto" or "never"`);
  const rgb = toRgb(options);
  requirePart(file, await requireFile(file), options.part);
  const plan = await planSeek(file, range, { ...options, rules });
  const given = plan === undefined ? 0 : yield* planned(file, plan, { ...options, rgb, allocate });
  if (given === "all") return;
  const filters = [...chooseFromStart(range, options), ...rgb];
  const decoded = decode(file, { ...options, input: [], filters, allocate: plan === undefined ? allocate : undefined });
  for await (const frame of decoded) if (frame.index >= given) yield frame;
}

/** Reads by a plan. Returns "all", or how many frames came before one that had not the time stamp it should have. */
async function* planned(
  file: string,
  plan: SeekPlan,
  options: VideoFramesOptions & FramesIntoOptions & { readonly rgb: readonly string[] },
): AsyncGenerator<VideoFrame, "all" | number> {
  const { input, expected } = plan;
  const stamps: number[] = [];
  let given = 0;
  const filters = [...plan.filters, ...options.rgb];
  try {
    for await (const frame of decode(file, { ...options, input, filters, stamps })) {
      if (frame.stamp !== expected(frame.index)) return given;
      const { stamp: _, ...shown } = frame;
      yield shown;
      given++;
    }
    return "all";
  } catch (error) {
    options.signal?.throwIfAborted();
    if (given > 0 || !ClipError.isInstance(error)) throw error;
    return 0; // nothing was given yet: decoding from the start tells what is wrong, if anything is
  }
}

/** Decodes what `filters` choose. With `stamps`, which takes the time stamps that they print, each frame comes with its own. */
async function* decode(
  file: string,
  options: VideoFramesOptions &
    FramesIntoOptions & {
      readonly input: readonly string[];
      readonly filters: readonly string[];
      readonly stamps?: number[] | undefined;
    },
): AsyncGenerator<VideoFrame & { readonly stamp?: number | undefined }> {
  const { maxPixels = 33_177_600, damaged = "throw", part, input, filters, allocate, stamps } = options;
  const chain = ["-vf", filters.join(","), "-r", "25", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"];
  const onLine = (line: string): boolean => {
    const stamp = stamps === undefined ? undefined : stampOf(line);
    if (stamp !== undefined) stamps!.push(stamp);
    return stamp !== undefined;
  };
  const ffmpeg = await startFfmpeg([...input, ...inputArguments(file, part), ...chain], {
    ...options,
    file,
    action: "read",
    onLine,
  });
  try {
    let index = 0;
    let fps: number | undefined;
    for await (const frame of ppmFrames(ffmpeg.output, { file, maxPixels, allocate })) {
      fps ??= options.fps ?? (await ffmpeg.logged(frameRateFromLog));
      if (fps === undefined) throw new ClipError(`cannot read ${file}: it states no frame rate`, { path: file });
      if (stamps === undefined) yield { index, ...frame, fps };
      else {
        const place = index;
        const stamp = await ffmpeg.logged(() => stamps[place]);
        // Complaints about what is before the range come from beginning in the middle.
        if (index === 0 && ffmpeg.errors.length > 0) throw new ClipError(`cannot seek in ${file}`, { path: file });
        yield { index, ...frame, fps, stamp };
      }
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

function noFrames(file: string, { start = 0, end, startSeconds, endSeconds }: VideoFramesOptions): string {
  if (startSeconds !== undefined || endSeconds !== undefined) {
    const to = endSeconds === undefined ? "its end" : `${endSeconds} s`;
    return `${file} has no frame from ${startSeconds ?? 0} s to ${to}; it is shorter, or the range is shorter than a frame`;
  }
  return start === 0 && end === undefined
    ? `${file} holds no video frames that can be decoded`
    : `${file} has no frame from ${start} to ${end ?? "its end"}; it is shorter`;
}
