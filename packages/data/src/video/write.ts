// Clips and streams of frames to video files that play in browsers.
import path from "node:path";
import { ClipError, ConfigError, ShapeError } from "@noisereel/core";
import { type ProcessOptions, startFfmpeg } from "../ffmpeg/process.js";
import { replaceFile } from "../files.js";
import { isAnimationFile, writeAnimation } from "./animation.js";
import { clipFrames, collectClip, type FrameSource, isClip, type VideoFrame } from "./frame.js";
import { isPngSequence, writePngSequence } from "./png-sequence.js";

export interface WriteVideoOptions extends ProcessOptions {
  /** Default: `h264` for .mp4 and .mov, `vp9` for .webm. */
  readonly codec?: "h264" | "vp9" | undefined;
  /** Quality, 0 (best) to 51 (h264) or 63 (vp9). Default 18 for h264, 30 for vp9. */
  readonly crf?: number | undefined;
  /** How hard the h264 encoder works. Default `medium`. */
  readonly preset?: "ultrafast" | "veryfast" | "medium" | "slow" | "veryslow" | undefined;
  /** Frames a second of the file. Default: those of the clip or of its first frame. */
  readonly fps?: number | undefined;
}

const codecOfEnding: Readonly<Record<string, "h264" | "vp9">> = { ".mp4": "h264", ".mov": "h264", ".webm": "vp9" };

/**
 * Writes a video: .mp4 (H.264, yuv420p, index first), .webm (VP9), .gif or .webp (lossless unless told otherwise) by the
 * ending of `file`, or a folder of pictures for `folder/%05d.png`. The file (or folder) appears when it is whole; after an error or an abort what was there before is still there.
 * The same frames give the same bytes with the same ffmpeg. Returns the number of frames.
 */
export async function writeVideo(file: string, source: FrameSource, options: WriteVideoOptions = {}): Promise<number> {
  if (isAnimationFile(file)) {
    const clip = isClip(source) ? source : await collectClip(source, { id: file });
    await writeAnimation(file, { ...clip, fps: options.fps ?? clip.fps }, { signal: options.signal });
    return clip.frames;
  }
  if (isPngSequence(file)) {
    const useless = (["codec", "crf", "preset", "fps"] as const).find((name) => options[name] !== undefined);
    if (useless !== undefined) throw new ConfigError(`${useless} does not apply to pictures (${file}); leave it out`);
    return writePngSequence(file, isClip(source) ? clipFrames(source) : source, options);
  }
  const ending = path.extname(file).toLowerCase();
  const expected = codecOfEnding[ending];
  if (expected === undefined) {
    const known = [...Object.keys(codecOfEnding), ".gif", ".webp", "folder/%05d.png"].join(", ");
    throw new ConfigError(`${file} ends in "${ending}"; writable are ${known}`);
  }
  const codec = options.codec ?? expected;
  const frames = isClip(source) ? clipFrames(source) : source;
  return replaceFile(file, (temporary) => encode(temporary, frames, { ...options, codec, ending, file }));
}

async function encode(
  temporary: string,
  frames: AsyncIterable<VideoFrame> | Iterable<VideoFrame>,
  options: WriteVideoOptions & { codec: "h264" | "vp9"; ending: string; file: string },
): Promise<number> {
  const { file, signal } = options;
  let ffmpeg: Awaited<ReturnType<typeof startFfmpeg>> | undefined;
  let first: VideoFrame | undefined;
  let count = 0;
  try {
    for await (const frame of frames) {
      signal?.throwIfAborted();
      first ??= frame;
      ffmpeg ??= await startFfmpeg(encoderArguments(temporary, first, options), { ...options, file, action: "write" });
      if (frame.height !== first.height || frame.width !== first.width) {
        throw new ShapeError(
          `frame ${count} is ${frame.width}x${frame.height} but ${file} began with ${first.width}x${first.height}; frames of one file need one size`,
        );
      }
      if (!(await ffmpeg.write(frame.pixels))) {
        await ffmpeg.finish(); // says why, unless ffmpeg claims success
        throw new ClipError(`cannot write ${file}: ffmpeg stopped after ${count} frames`, { path: file });
      }
      count++;
    }
    if (ffmpeg === undefined) throw new ClipError(`cannot write ${file}: there are no frames`, { path: file });
    ffmpeg.endInput();
    await ffmpeg.finish();
    return count;
  } finally {
    await ffmpeg?.stop();
  }
}

function encoderArguments(
  temporary: string,
  first: VideoFrame,
  options: WriteVideoOptions & { codec: "h264" | "vp9"; ending: string },
): string[] {
  const { height, width } = first;
  const { codec, ending, preset = "medium", fps = first.fps } = options;
  if (height % 2 === 1 || width % 2 === 1) {
    const even = `${width + (width % 2)}x${height + (height % 2)}`;
    throw new ShapeError(
      `frames are ${width}x${height}, but video for browsers needs an even height and width; crop or pad to ${even}, or write .webp`,
    );
  }
  if (!(fps > 0 && fps <= 1000)) throw new ConfigError(`fps is ${fps}; use more than 0, at most 1000`);
  const [highest, usual] = codec === "h264" ? [51, 18] : [63, 30];
  const { crf = usual } = options;
  if (!Number.isInteger(crf) || crf < 0 || crf > highest) {
    throw new ConfigError(`crf is ${crf}; use an integer from 0 to ${highest} with ${codec}`);
  }
  const colors = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"];
  const scale = "scale=iw:ih:out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int+bitexact";
  const encoder =
    codec === "h264"
      ? ["-c:v", "libx264", "-preset", preset, "-crf", String(crf)]
      : ["-c:v", "libvpx-vp9", "-b:v", "0", "-crf", String(crf), "-deadline", "good", "-cpu-used", "4"];
  const format = ending === ".webm" ? ["-f", "webm"] : ["-f", ending === ".mov" ? "mov" : "mp4"];
  const faststart = ending === ".webm" ? [] : ["-movflags", "+faststart"];
  const input = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-r", String(fps), "-i", "pipe:0"];
  const reproducible = ["-threads", "1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1"];
  const target = [...faststart, ...format, "-y", temporary];
  return [...input, "-vf", `${scale},format=yuv420p`, ...colors, ...encoder, ...reproducible, ...target];
}
