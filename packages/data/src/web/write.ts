// Clips and streams of frames to video files, by the browser's encoders.
import { type CallOptions, ClipError, ConfigError, NoisereelError, ShapeError } from "@noisereel/core";
import {
  BufferTarget,
  Mp4OutputFormat,
  Output,
  type OutputFormat,
  StreamTarget,
  type StreamTargetChunk,
  type Target,
  VideoSample,
  VideoSampleSource,
  WebMOutputFormat,
} from "mediabunny";
import { type EncoderOptions, encoderFor, type VideoContainer } from "./encoder.js";
import { clipFrames, type FrameSource, isClip, type VideoFrame } from "../video/frame.js";
import { rgbToI420 } from "./i420.js";

export interface WriteVideoOptions extends EncoderOptions, CallOptions {
  /** Frames a second of the file. Default: those of the clip or of its first frame. */
  readonly fps?: number | undefined;
}

/**
 * Writes a video to memory: .mp4 (H.264, index first) or .webm (VP9) by the ending of `name`, which the result is called. A codec
 * that this browser cannot encode is an error, never replaced by another. Progress tells the frames encoded so far as `load`
 * events. For long videos use `streamVideo`.
 */
export async function writeVideo(name: string, source: FrameSource, options: WriteVideoOptions = {}): Promise<File> {
  const container = containerOf(name);
  const target = new BufferTarget();
  const format = container === "mp4" ? new Mp4OutputFormat({ fastStart: "in-memory" }) : new WebMOutputFormat();
  await encode(source, { ...options, name, container, target, format });
  return new File([target.buffer!], name, { type: `video/${container}` });
}

/**
 * Writes a video to a stream as it is encoded, for example to a file that the user chose: memory holds a second of it. The
 * result is a fragmented mp4, or a webm without an index. The stream is closed when the video is whole, and aborted after an
 * error, so that a file of the File System API appears whole or not at all. Returns the number of frames.
 */
export async function streamVideo(
  stream: WritableStream<Uint8Array>,
  source: FrameSource,
  options: WriteVideoOptions & { readonly container: VideoContainer },
): Promise<number> {
  const { container } = options;
  if (container !== "mp4" && container !== "webm") {
    throw new ConfigError(`container is ${String(container)}; use "mp4" or "webm"`);
  }
  const format =
    container === "mp4" ? new Mp4OutputFormat({ fastStart: "fragmented" }) : new WebMOutputFormat({ appendOnly: true });
  const writer = stream.getWriter();
  try {
    // Not mediabunny's own target for streams, which closes the stream after an error too.
    const pieces = new WritableStream<StreamTargetChunk>({ write: ({ data }) => writer.write(data) });
    const target = new StreamTarget(pieces);
    const frames = await encode(source, { ...options, name: `the ${container} stream`, target, format });
    await writer.close();
    return frames;
  } catch (cause) {
    await writer.abort(cause).catch(() => undefined); // a stream that failed by itself; the first error is the one to tell
    throw cause;
  } finally {
    writer.releaseLock();
  }
}

function containerOf(name: string): VideoContainer {
  const ending = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
  if (ending === ".mp4" || ending === ".webm") return ending.slice(1) as VideoContainer;
  const animation = ending === ".gif" || ending === ".webp";
  throw new ConfigError(
    `${name} ends in "${ending}"; writable in browsers are .mp4 and .webm` +
      (animation ? "; animations are written in Node" : ""),
  );
}

interface Encoding extends WriteVideoOptions {
  readonly name: string;
  readonly container: VideoContainer;
  readonly target: Target;
  readonly format: OutputFormat;
}

async function encode(source: FrameSource, options: Encoding): Promise<number> {
  const { name, signal, onProgress } = options;
  const total = isClip(source) ? { total: source.frames } : {};
  let encoder: Encoder | undefined;
  let count = 0;
  try {
    for await (const frame of isClip(source) ? clipFrames(source) : source) {
      signal?.throwIfAborted();
      encoder ??= await startEncoder(frame, options);
      await encoder.add(frame, count);
      count++;
      onProgress?.({ type: "load", file: name, loaded: count, ...total });
    }
    signal?.throwIfAborted();
    if (encoder === undefined) throw new ClipError(`cannot write ${name}: there are no frames`, { path: name });
    await encoder.finish(count);
    return count;
  } catch (cause) {
    await encoder?.cancel();
    if (signal?.aborted === true) throw signal.reason;
    throw cause;
  }
}

interface Encoder {
  add(frame: VideoFrame, index: number): Promise<void>;
  finish(frames: number): Promise<void>;
  cancel(): Promise<void>;
}

async function startEncoder(first: VideoFrame, options: Encoding): Promise<Encoder> {
  const { name, format, target, fps = first.fps } = options;
  if (!(fps > 0 && fps <= 1000)) throw new ConfigError(`fps is ${fps}; use more than 0, at most 1000`);
  const { height, width } = first;
  const { matrix, codec, quality } = await encoderFor({ height, width, fps }, options);
  let packets = 0;
  const video = new VideoSampleSource({ codec, quality, onEncodedPacket: () => packets++ });
  const output = new Output({ format, target });
  output.addVideoTrack(video, { frameRate: fps });
  const working = async (work: Promise<void>): Promise<void> => {
    await work.catch((cause: unknown) => {
      throw NoisereelError.isInstance(cause) ? cause : writeError(name, cause);
    });
  };
  await working(output.start());
  return {
    async add(frame, index) {
      checkFrame(frame, first, index, name);
      const planes = rgbToI420(frame.pixels, frame, matrix);
      const sample = new VideoSample(planes, {
        format: "I420",
        codedHeight: height,
        codedWidth: width,
        timestamp: index / fps,
        duration: 1 / fps,
        colorSpace: { matrix, primaries: matrix, transfer: matrix, fullRange: false },
      });
      try {
        await working(video.add(sample));
      } finally {
        sample.close();
      }
    },
    async finish(frames) {
      await working(output.finalize());
      if (packets === frames) return;
      throw new ClipError(`cannot write ${name}: the browser's encoder kept ${packets} of ${frames} frames`, {
        path: name,
      });
    },
    cancel: () => output.cancel(),
  };
}

function checkFrame(frame: VideoFrame, first: VideoFrame, index: number, name: string): void {
  const { height, width, pixels } = frame;
  if (height !== first.height || width !== first.width) {
    throw new ShapeError(
      `frame ${index} is ${width}x${height} but ${name} began with ${first.width}x${first.height}; frames of one file need one size`,
    );
  }
  if (pixels.length !== height * width * 3) {
    throw new ShapeError(
      `frame ${index} has ${pixels.length} bytes, but RGB of ${width}x${height} has ${height * width * 3}`,
    );
  }
}

function writeError(name: string, cause: unknown): ClipError {
  const reason = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!;
  return new ClipError(`cannot write ${name}: ${reason}`, { path: name, cause });
}
