// When each frame of a file is shown. Frames are counted by it, so that ranges are exact without decoding from the start.
import { ClipError } from "@noisereel/core";
import { EncodedPacketSink } from "mediabunny";
import type { OpenVideo } from "./container.js";

export interface Timeline {
  /** Seconds at which the frames are shown, ascending; one for each frame. */
  readonly times: Float64Array;
  /** Seconds at which the last frame ends. */
  readonly end: number;
  /** Frames a second: the mean over the file. */
  readonly fps: number;
  /** Time stamps are multiples of 1 / `resolution` seconds. */
  readonly resolution: number;
}

/** Packets between two pauses. */
const breathing = 5000;

/**
 * Reads the time stamps of all frames, without decoding: 8 bytes a frame. An mp4 has them in its index; of a webm every
 * byte is read once. Frames before the first one that can be decoded alone, or before the cut that an edit list states, do not count.
 */
export async function readTimeline(video: OpenVideo, signal?: AbortSignal): Promise<Timeline> {
  const { track, name } = video;
  const sink = new EncodedPacketSink(track);
  const found: number[] = [];
  let duration = 0;
  const firstKey = await sink.getFirstKeyPacket({ metadataOnly: true });
  const packets = firstKey === null ? [] : sink.packets(firstKey, undefined, { metadataOnly: true });
  let seen = 0;
  for await (const packet of packets) {
    signal?.throwIfAborted();
    if (++seen > (video.size ?? Infinity)) {
      throw new ClipError(`${name} is damaged: its index lists more frames than it has bytes; get it again`, {
        path: name,
      });
    }
    if (seen % breathing === 0) await new Promise((resolve) => setTimeout(resolve)); // the page is not to stand still
    if (packet.timestamp < 0) continue;
    found.push(packet.timestamp);
    duration = packet.duration;
  }
  if (found.length === 0) throw new ClipError(`${name} holds no video frames that can be decoded`, { path: name });
  const times = Float64Array.from(found).toSorted();
  const last = times.at(-1)!;
  const resolution = await track.getTimeResolution();
  if (times.length === 1 && duration > 0) return { times, end: last + duration, fps: 1 / duration, resolution };
  const metrics = await track.computeFrameRateMetrics();
  const mean = (times.length - 1) / (last - times[0]!);
  const fps = metrics.frameRateIsConstant ? (metrics.underlyingFrameRate ?? mean) : mean;
  if (!(fps > 0 && Number.isFinite(fps))) {
    throw new ClipError(`cannot read ${name}: it states no frame rate`, { path: name });
  }
  return { times, end: last + 1 / fps, fps, resolution }; // what files say of the last frame's duration is often wrong
}

/**
 * For each frame at `fps` a second the number of the file's frame that is shown: every frame moves to the nearest new time
 * stamp, the later one of two wins, and gaps show the frame before. Time counts from the first frame. ffmpeg's `fps` filter with
 * `round=near`, but never without any frame.
 */
export function resampledFrames({ times, end, resolution }: Timeline, fps: number): number[] {
  // Through whole multiples of the resolution, so that halves are exact.
  const slot = (time: number): number => Math.round((Math.round((time - times[0]!) * resolution) * fps) / resolution);
  let frame = 0;
  return Array.from({ length: Math.max(1, slot(end)) }, (_, i) => {
    while (frame + 1 < times.length && slot(times[frame + 1]!) <= i) frame++;
    return frame;
  });
}
