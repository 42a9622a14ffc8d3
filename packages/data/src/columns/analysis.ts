// Clips of any kind as frames for measuring.
import type { CallOptions } from "@noisereel/core";
import { probeVideo } from "../ffmpeg/probe.js";
import type { FfmpegOptions } from "../ffmpeg/binary.js";
import type { ManifestEntry } from "../manifest/schema.js";
import { isAnimationFile } from "../video/animation.js";
import { clipFrames, type VideoFrame } from "../video/frame.js";
import { videoFrames } from "../video/frames.js";
import { readImage } from "../video/image.js";
import { readVideo } from "../video/read.js";
import { shrink } from "../scenes/shrink.js";
import type { AnalysisFrame } from "./contracts.js";

export interface EntryFramesOptions extends FfmpegOptions, Pick<CallOptions, "signal"> {
  /** Lets ffmpeg scale wider videos to this width. Default: frames keep their size. */
  readonly decodeWidth?: number | undefined;
  readonly stallSeconds?: number | undefined;
}

/** The frames of an entry: of its range of a video, of an animation, or the one of an image. */
export async function* entryFrames(entry: ManifestEntry, options: EntryFramesOptions = {}): AsyncGenerator<VideoFrame> {
  const { start, end, part, member, path: file } = entry;
  const { decodeWidth, ...reading } = options;
  if (entry.type === "image") {
    yield* clipFrames(await readImage(file, { part, signal: options.signal }));
  } else if (isAnimationFile(member ?? file)) {
    yield* clipFrames(await readVideo(file, { ...reading, start, end, part, name: member }));
  } else {
    let size: { height: number; width: number } | undefined;
    if (decodeWidth !== undefined) {
      const { height, width } = await probeVideo(file, { ...reading, part, count: false });
      if (width > decodeWidth)
        size = { width: decodeWidth, height: Math.max(1, Math.round((height * decodeWidth) / width)) };
    }
    yield* videoFrames(file, { ...reading, start, end, part, size });
  }
}

/** At most this many columns are measured. */
export const analysisWidth = 256;

/** A frame as measures see it. */
export function analysisFrame(frame: VideoFrame): AnalysisFrame {
  const rgb = shrink(frame, analysisWidth);
  const isSmaller = rgb !== frame.pixels;
  const width = isSmaller ? analysisWidth : frame.width;
  const height = rgb.length / 3 / width;
  const grey = new Uint8Array(height * width);
  for (let i = 0, j = 0; i < grey.length; i++, j += 3) {
    grey[i] = (77 * rgb[j]! + 150 * rgb[j + 1]! + 29 * rgb[j + 2]! + 128) >> 8;
  }
  return { index: frame.index, fps: frame.fps, height, width, rgb, grey };
}
