// What a video file holds, without keeping its frames.
import { type CallOptions, ClipError } from "@noisereel/core";
import { openVideo, readError } from "./container.js";
import { findFile, type FoundFile, type WebFile } from "./file.js";
import { framesOf } from "./frames.js";
import { readTimeline } from "./timeline.js";

export interface VideoFacts {
  /** Rows and columns of the decoded frames, after rotation. */
  readonly height: number;
  readonly width: number;
  /** Frames a second: the mean over the file. */
  readonly fps: number;
  /** Frames that decode. Undefined when `count` is false. */
  readonly frames: number | undefined;
  /** Seconds: frames divided by fps, or what the file states when frames were not counted. */
  readonly seconds: number | undefined;
  /** ffmpeg's name of the codec, for example `h264`; `gif` or `webp` for animations. */
  readonly codec: string | undefined;
  /** Why decoding ended early; empty for a sound file. */
  readonly problems: readonly string[];
}

/**
 * Looks into a video. By default the whole file is decoded, which is the only way to know whether its frames are sound;
 * `count: false` decodes one frame. Progress tells the frames decoded so far as `load` events.
 */
export async function probeVideo(
  file: WebFile,
  options: CallOptions & { readonly count?: boolean | undefined } = {},
): Promise<VideoFacts> {
  const { count = true, signal, onProgress } = options;
  const found = await findFile(file, signal);
  const stated = await statedFacts(found, signal);
  const problems: string[] = [];
  let frames = 0;
  let size: { height: number; width: number; fps: number } | undefined;
  try {
    for await (const { height, width, fps } of framesOf(found, { signal, end: count ? undefined : 1 })) {
      size ??= { height, width, fps };
      frames++;
      onProgress?.({
        type: "load",
        file: found.name,
        loaded: frames,
        ...(stated.frames === undefined ? {} : { total: stated.frames }),
      });
    }
  } catch (cause) {
    if (size === undefined || !ClipError.isInstance(cause)) throw cause; // nothing decodes, or it was stopped
    problems.push((cause as ClipError).message);
  }
  const { height, width, fps } = size!;
  return {
    height,
    width,
    fps,
    frames: count ? frames : undefined,
    seconds: count ? frames / fps : stated.seconds,
    codec: stated.codec,
    problems,
  };
}

interface StatedFacts {
  readonly codec: string;
  readonly frames?: number;
  readonly seconds: number | undefined;
}

async function statedFacts(file: FoundFile, signal: AbortSignal | undefined): Promise<StatedFacts> {
  const { kind } = file;
  if (kind === "gif" || kind === "webp") return { codec: kind, seconds: undefined };
  const video = await openVideo(file, signal);
  try {
    const { times, end } = await readTimeline(video, signal);
    return { codec: video.codec, frames: times.length, seconds: end - times[0]! };
  } catch (cause) {
    throw readError(video.name, cause, signal);
  } finally {
    video.dispose();
  }
}
