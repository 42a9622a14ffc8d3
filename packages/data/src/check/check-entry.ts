// One clip, opened and decoded to its end, against what the manifest says about it.
import { type CallOptions, ClipError } from "@noisereel/core";
import sharp from "sharp";
import { tileClips } from "../collage.js";
import { createClip } from "../clip.js";
import { entryFrames } from "../columns/analysis.js";
import type { FfmpegOptions } from "../ffmpeg/binary.js";
import { fileSha256 } from "../files.js";
import { nearestLegalFrames } from "../legal.js";
import type { ManifestEntry } from "../manifest/schema.js";
import type { VideoFrame } from "../video/frame.js";
import type { CheckedClip, CheckProblem } from "./report.js";

export interface EntryCheckOptions extends CallOptions, FfmpegOptions {
  /** Frames that training wants: shorter clips are warned about. */
  readonly frames?: number | undefined;
  /** Rows and columns that training wants: smaller clips are warned about. */
  readonly size?: number | undefined;
  /** Frames per latent frame. Default 4. */
  readonly timeStride?: number | undefined;
  /** Characters: longer captions are warned about, because encoders cut them. Default 1500. */
  readonly maxCaption?: number | undefined;
  readonly thumbnails?: boolean | undefined;
}

/** Opens one entry. Whatever is wrong is in `problems`; only an abort throws. */
export async function checkEntry(
  entry: ManifestEntry,
  options: EntryCheckOptions,
): Promise<{ readonly clip: CheckedClip; readonly problems: readonly CheckProblem[] }> {
  const problems: CheckProblem[] = [];
  const { id, path: file, line, type, stated } = entry;
  const tell = (level: CheckProblem["level"], field: string | undefined, reason: string, remedy: string): void =>
    void problems.push({ level, where: line === 0 ? id : `line ${line}`, line, id, field, reason, remedy });
  const clip = { id, path: file, line, type, caption: entry.captions[0] };
  checkCaptions(entry, options, tell);
  let found: CheckedClip["found"];
  try {
    found = await decode(entry, options);
  } catch (error) {
    if (!ClipError.isInstance(error)) throw error;
    tell("error", "path", (error as ClipError).message, "replace the file, or leave the entry out");
    return { clip: { ...clip, found: undefined }, problems };
  }
  const range = entry.end === undefined ? undefined : entry.end - (entry.start ?? 0);
  const wanted = range ?? (entry.start === undefined ? stated.frames : undefined);
  if (wanted !== undefined && found.frames < wanted) {
    const field = range === undefined ? "num_frames" : "end";
    tell(
      "error",
      field,
      `${wanted} frames are stated but ${found.frames} decode`,
      `write ${field} so that it fits, or replace the file`,
    );
  } else if (range === undefined && stated.frames !== undefined && found.frames > stated.frames) {
    tell(
      "hint",
      "num_frames",
      `${stated.frames} frames are stated but ${found.frames} decode`,
      `write ${found.frames}`,
    );
  }
  for (const side of ["width", "height"] as const) {
    const says = stated[side];
    if (says !== undefined && says !== found[side]) {
      tell("error", side, `${says} is stated but frames have ${found[side]}`, `write ${found[side]}`);
    }
  }
  if (type === "video" && stated.fps !== undefined && Math.abs(stated.fps - found.fps) > 0.01 * stated.fps) {
    tell("warning", "fps", `${stated.fps} is stated but the file says ${found.fps}`, `write ${found.fps}`);
  }
  await checkSha256(entry, options, tell);
  if (type === "video") checkLength(found, options, tell);
  const { size } = options;
  if (size !== undefined && Math.min(found.height, found.width) < size) {
    tell(
      "warning",
      undefined,
      `its frames of ${found.width}x${found.height} are smaller than ${size}x${size} and would be enlarged`,
      "use a smaller size, or leave the entry out",
    );
  }
  return { clip: { ...clip, found }, problems };
}

type Tell = (level: CheckProblem["level"], field: string | undefined, reason: string, remedy: string) => void;

function checkCaptions({ captions, type }: ManifestEntry, { maxCaption = 1500 }: EntryCheckOptions, tell: Tell): void {
  if (captions.every((text) => text === "")) {
    tell(
      "warning",
      "cap",
      "there is no caption",
      `the ${type} trains without text; write a caption if that is not what you want`,
    );
  }
  const long = captions.find((text) => text.length > maxCaption);
  if (long !== undefined) {
    tell(
      "warning",
      "cap",
      `a caption has ${long.length} characters`,
      "text encoders cut long captions; see noisereel data stats",
    );
  }
}

async function checkSha256(
  { stated, path: file, part }: ManifestEntry,
  { signal }: EntryCheckOptions,
  tell: Tell,
): Promise<void> {
  if (stated.sha256 === undefined) return;
  const actual = await fileSha256(file, { signal, part });
  if (actual === stated.sha256) return;
  tell(
    "error",
    "sha256",
    `the file's is ${actual.slice(0, 12)}…, stated is ${stated.sha256.slice(0, 12)}…`,
    "get the file again, or write its sha256",
  );
}

function checkLength(found: { readonly frames: number }, options: EntryCheckOptions, tell: Tell): void {
  const { frames: wanted, timeStride: time = 4 } = options;
  const filled = nearestLegalFrames(found.frames, { time })[0]!;
  if (wanted !== undefined && found.frames < wanted) {
    tell(
      "warning",
      undefined,
      `needs ${wanted} frames, has ${found.frames}: frames would repeat`,
      `train at ${filled} frames (${time}k + 1) or fewer, or leave the entry out`,
    );
  } else if (wanted === undefined && filled !== found.frames) {
    tell(
      "hint",
      undefined,
      `has ${found.frames} frames, which is not ${time}k + 1`,
      `at most ${filled} of them are used at once`,
    );
  }
}

/** Decodes everything, one frame at a time, and keeps at most eight frames for the thumbnail. */
async function decode(entry: ManifestEntry, options: EntryCheckOptions): Promise<NonNullable<CheckedClip["found"]>> {
  let kept: VideoFrame[] = [];
  let step = 1;
  let frames = 0;
  let last: VideoFrame | undefined;
  for await (const frame of entryFrames(entry, { ffmpeg: options.ffmpeg, signal: options.signal })) {
    if (last !== undefined && (last.height !== frame.height || last.width !== frame.width)) {
      throw new ClipError(`${entry.path} changes its size at frame ${frames}`, { id: entry.id, path: entry.path });
    }
    last = frame;
    if (options.thumbnails === true && frames % step === 0) {
      kept.push(frame);
      if (kept.length > 8) {
        kept = kept.filter((_, i) => i % 2 === 0);
        step *= 2;
      }
    }
    frames++;
  }
  if (last === undefined) throw new ClipError(`${entry.path} has no frames`, { id: entry.id, path: entry.path });
  const { height, width, fps } = last;
  const shown = kept.length === 0 ? [] : frames === 1 ? [last] : [kept[0]!, kept[kept.length >> 1]!, last];
  const seconds = entry.type === "image" ? 0 : frames / fps;
  return { frames, height, width, fps, seconds, thumbnail: shown.length === 0 ? undefined : await thumbnail(shown) };
}

async function thumbnail(frames: readonly VideoFrame[]): Promise<Uint8Array> {
  const clips = frames.map(({ pixels, height, width }, i) =>
    createClip(pixels, { id: String(i), height, width, fps: 1 }),
  );
  const sheet = await tileClips(clips, { columns: clips.length, gap: 2, height: 96 });
  const raw = { width: sheet.width, height: sheet.height, channels: 3 } as const;
  return new Uint8Array(await sharp(sheet.pixels, { raw }).jpeg({ quality: 70 }).toBuffer());
}
