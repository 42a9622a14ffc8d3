// A video's frames one after the other: memory holds a few frames, however long the file is.
import { ClipError, ConfigError } from "@noisereel/core";
import { type VideoSample, VideoSampleSink } from "mediabunny";
import { centerRectangle, type Size, toSize } from "../transforms/crop.js";
import { resampleClip } from "../transforms/resample-bytes.js";
import { animationFrames } from "./animation.js";
import { openVideo, type OpenVideo, readError } from "./container.js";
import { findFile, type FoundFile, type WebFile } from "./file.js";
import type { VideoFrame } from "../video/frame.js";
import { checkPixels, checkRange, chosenFrames, type FrameRangeOptions } from "./options.js";
import { isReadable, planesToRgb } from "./pixels.js";
import { readTimeline, resampledFrames, type Timeline } from "./timeline.js";
import { type Turned, turnPixels } from "./turn.js";

export interface VideoFramesOptions extends FrameRangeOptions {
  /**
   * Resamples to this many frames a second, by the nearest time stamp, before `start` and `end` count. Default: every frame
   * once. Not for gif and webp.
   */
  readonly fps?: number | undefined;
  /**
   * Crops the centre to this aspect and scales it by the resampler of `centerCropResize`. Default: the file's own size. Not for
   * gif and webp.
   */
  readonly size?: Size | undefined;
}

/**
 * Decodes the first video stream of `file` (mp4, mov, webm, mkv, ts in a codec that the browser has; gif and webp), upright.
 * Leaving the loop ends the decoder. Throws `ClipError` when the file is empty, of an unknown format or codec, damaged, or has
 * no frame in the range.
 */
export async function* videoFrames(file: WebFile, options: VideoFramesOptions = {}): AsyncGenerator<VideoFrame> {
  const { fps, size, signal } = options;
  checkRange(options);
  if (fps !== undefined && !(fps > 0 && fps <= 1000))
    throw new ConfigError(`fps is ${fps}; use more than 0, at most 1000`);
  if (size !== undefined) toSize(size); // its check
  yield* framesOf(await findFile(file, signal), options);
}

/** `videoFrames` of a file that was looked at already. */
export async function* framesOf(file: FoundFile, options: VideoFramesOptions): AsyncGenerator<VideoFrame> {
  const { fps, size, signal } = options;
  if (file.kind === "gif" || file.kind === "webp") {
    if (fps === undefined && size === undefined) return yield* animationFrames(file, options);
    throw new ConfigError(`size and fps do not apply to ${file.name}; resize or resample the clip after reading`);
  }
  const video = await openVideo(file, signal);
  try {
    yield* decodedFrames(video, options);
  } catch (cause) {
    throw readError(file.name, cause, signal);
  } finally {
    video.dispose();
  }
}

async function* decodedFrames(video: OpenVideo, options: VideoFramesOptions): AsyncGenerator<VideoFrame> {
  const { name } = video;
  const { signal } = options;
  const timeline = await readTimeline(video, signal);
  const shown = options.fps === undefined ? undefined : resampledFrames(timeline, options.fps);
  const chosen = chosenFrames(name, shown?.length ?? timeline.times.length, options);
  const sources = shown === undefined ? chosen : chosen.map((frame) => shown[frame]!); // ascending, may repeat
  const fps = options.fps ?? timeline.fps;
  const copy = sampleCopier(video, options);
  let index = 0;
  for await (const { sample, frame } of samples(video, timeline, sources[0]!, sources.at(-1)!)) {
    let picture: Turned | undefined;
    try {
      if (sources[index] === frame) picture = await copy(sample);
    } finally {
      sample.close();
    }
    for (let first = true; sources[index] === frame; first = false, index++) {
      signal?.throwIfAborted();
      const { height, width, pixels } = picture!;
      yield { index, height, width, fps, pixels: first ? pixels : pixels.slice() };
    }
  }
}

/** The file's frames `first` to `last`, each with its number. The caller closes every sample. */
async function* samples(
  video: OpenVideo,
  { times, resolution }: Timeline,
  first: number,
  last: number,
): AsyncGenerator<{ readonly sample: VideoSample; readonly frame: number }> {
  const sink = new VideoSampleSink(video.track);
  let frame = first;
  for await (const sample of sink.samples(times[first], times[last + 1] ?? Infinity)) {
    // A decoder that meets damage may go on with a later frame and say nothing.
    if (frame > last || Math.abs(sample.timestamp - times[frame]!) > 0.5 / resolution) {
      sample.close();
      break;
    }
    yield { sample, frame };
    frame++;
  }
  if (frame <= last) {
    throw new ClipError(
      `${video.name} is damaged or cut short: frame ${frame} of ${times.length} does not decode; get it again, or read up to it with end: ${frame}`,
      { path: video.name },
    );
  }
}

/** Turns samples into upright RGB bytes of the wanted size. The memory for planes is used again. */
function sampleCopier(video: OpenVideo, options: VideoFramesOptions): (sample: VideoSample) => Promise<Turned> {
  let planes = new Uint8Array();
  return async (sample) => {
    const { width, height } = sample.visibleRect;
    checkPixels(video.name, height, width, options.maxPixels);
    if (!isReadable(sample.format)) {
      throw new ClipError(
        `${video.name} decodes to ${sample.format ?? "a format that this browser hides"}, which is not read here; convert it to 8-bit 4:2:0, or read it in Node`,
        { path: video.name },
      );
    }
    const bytes = sample.allocationSize();
    if (planes.length < bytes) planes = new Uint8Array(bytes);
    const layout = await sample.copyTo(planes);
    const pixels = planesToRgb({ format: sample.format, height, width, bytes: planes, layout }, video.colours);
    const upright = turnPixels({ height, width, pixels }, video.rotation, video.flip);
    return options.size === undefined ? upright : scaled(upright, toSize(options.size));
  };
}

function scaled(picture: Turned, size: Size): Turned {
  const rectangle = centerRectangle(picture, size);
  const clip = resampleClip({ id: "frame", frames: 1, fps: 1, ...picture }, rectangle, size);
  return { ...size, pixels: clip.pixels };
}
