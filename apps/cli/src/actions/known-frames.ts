// What a sampled clip begins with: a picture, or the end of a video.
import { type Clip, ConfigError } from "@noisereel/core";
import { clipSha256, collectClip, readImage, type VideoFrame, videoFrames } from "@noisereel/data";
import type { SampleArguments } from "./sample-request.js";

export interface KnownFrames {
  readonly clip: Clip;
  /** How the command line names it. */
  readonly option: "fromImage" | "continue";
  readonly file: string;
  /** Of its frames, so that a record can tell whether the file is still the same. */
  readonly sha256: string;
}

/** Frames that a continuation takes over when `--overlap` is left out. */
const usualOverlap = 5;

/** Reads what `--from-image` or `--continue` name; undefined without them. */
export async function readKnownFrames(options: SampleArguments, signal: AbortSignal): Promise<KnownFrames | undefined> {
  if (options.fromImage !== undefined) {
    const clip = await readImage(options.fromImage, {});
    return { clip, option: "fromImage", file: options.fromImage, sha256: clipSha256(clip) };
  }
  if (options.continue === undefined) return undefined;
  const file = options.continue;
  const count = options.overlap ?? usualOverlap;
  const last: VideoFrame[] = []; // all that is kept of a file of any length
  for await (const frame of videoFrames(file, { signal })) {
    last.push(frame);
    if (last.length > count) last.shift();
  }
  if (last.length < count) {
    throw new ConfigError(
      `${file} has ${last.length} frames and ${count} are to be continued; use a smaller --overlap`,
    );
  }
  const clip = await collectClip(last, { id: file });
  return { clip, option: "continue", file, sha256: clipSha256(clip) };
}

/** Refuses options that contradict each other. */
export function checkKnownOptions(options: SampleArguments): void {
  const { fromImage, continue: video, overlap, windows = 1, image } = options;
  if (fromImage !== undefined && video !== undefined) {
    throw new ConfigError("there is --from-image and --continue; use one of them");
  }
  const given = fromImage !== undefined ? "--from-image" : video !== undefined ? "--continue" : undefined;
  if (image === true && (given !== undefined || windows > 1)) {
    throw new ConfigError(
      `--image makes one frame, which ${given ?? "--windows"} would go on from; leave one of them out`,
    );
  }
  if (overlap !== undefined && overlap % 4 !== 1) {
    const below = Math.max(1, Math.floor((overlap - 1) / 4) * 4 + 1);
    throw new ConfigError(`--overlap is ${overlap} but must be 4k + 1; the nearest are ${below} and ${below + 4}`);
  }
  if (overlap !== undefined && video === undefined && windows === 1) {
    throw new ConfigError("--overlap says what is taken over from frames before; use it with --continue or --windows");
  }
}
