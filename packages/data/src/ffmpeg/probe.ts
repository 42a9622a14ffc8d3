// What a video file holds, without keeping its frames.
import { ClipError } from "@noisereel/core";
import { type FilePart, requireFile, requirePart } from "../files.js";
import { codecFromLog, durationFromLog, frameRateFromLog, sizeFromLog } from "./log.js";
import { inputArguments, type ProcessOptions, startFfmpeg } from "./process.js";

export interface VideoFacts {
  /** Rows and columns of the decoded frames, after rotation. */
  readonly height: number;
  readonly width: number;
  /** Frames a second as the container states them. */
  readonly fps: number;
  /** Frames that decode. Undefined when `count` is false. */
  readonly frames: number | undefined;
  /** Seconds: frames divided by fps, or what the container states when frames were not counted. */
  readonly seconds: number | undefined;
  /** ffmpeg's name of the codec, for example `h264`. */
  readonly codec: string | undefined;
  /** What the decoder complained about; empty for a sound file. */
  readonly problems: readonly string[];
}

/**
 * Looks into a video. By default the whole file is decoded, which is the only way to know the number of frames and
 * whether they are sound; `count: false` decodes one frame. GIF and WebP pictures are read by `readImage` instead.
 */
export async function probeVideo(
  file: string,
  options: ProcessOptions & { readonly count?: boolean; readonly part?: FilePart | undefined } = {},
): Promise<VideoFacts> {
  const { count = true, part } = options;
  requirePart(file, await requireFile(file), part);
  const limit = count ? [] : ["-frames:v", "1"];
  const filter = ["-vf", "settb=1/25,setpts=N", "-r", "25"]; // every frame once, whatever its time stamp
  const ffmpeg = await startFfmpeg(
    [...inputArguments(file, part), ...filter, ...limit, "-progress", "pipe:1", "-f", "null", "-"],
    { ...options, file, action: "read" },
  );
  const chunks: Buffer[] = [];
  for await (const chunk of ffmpeg.output) chunks.push(Buffer.from(chunk));
  await ffmpeg.finish();
  const counted = [
    ...Buffer.concat(chunks)
      .toString("utf8")
      .matchAll(/^frame=\s*(\d+)/gm),
  ].at(-1)?.[1];
  const size = sizeFromLog(ffmpeg.log);
  const fps = frameRateFromLog(ffmpeg.log);
  if (size === undefined || fps === undefined || counted === undefined || Number(counted) === 0) {
    throw new ClipError(`${file} holds no video frames that can be decoded`, { path: file });
  }
  const frames = count ? Number(counted) : undefined;
  return {
    ...size,
    fps,
    frames,
    seconds: frames === undefined ? durationFromLog(ffmpeg.log) : frames / fps,
    codec: codecFromLog(ffmpeg.log),
    problems: [...ffmpeg.errors],
  };
}
