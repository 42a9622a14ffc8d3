// GIF and animated WebP, through sharp: WebP may be lossless, and ffmpeg cannot decode it when animated.
import path from "node:path";
import { type Clip, ClipError, ConfigError } from "@noisereel/core";
import sharp from "sharp";
import { createClip, selectFrames } from "../clip.js";
import { readPart, replaceFile, requireFile } from "../files.js";
import { sharpReason } from "./sharp-reason.js";
import type { ReadVideoOptions } from "./read.js";

/** True for the file names that sharp reads as animations. */
export function isAnimationFile(file: string): boolean {
  return [".gif", ".webp"].includes(path.extname(file).toLowerCase());
}

/** Reads a GIF or WebP with all its frames; transparent parts become white. Frames shown for different times count once each. */
export async function readAnimation(file: string, options: ReadVideoOptions = {}): Promise<Clip> {
  const { start = 0, end, maxFrames = Infinity, maxBytes = 2 ** 31, id = file, caption, part, signal } = options;
  if (options.size !== undefined || options.fps !== undefined) {
    throw new ConfigError(`size and fps do not apply to ${file}; resize or resample the clip after reading`);
  }
  if (options.startSeconds !== undefined || options.endSeconds !== undefined) {
    throw new ConfigError(`startSeconds and endSeconds do not apply to ${file}; give start and end, in frames`);
  }
  await requireFile(file);
  signal?.throwIfAborted();
  const input = part === undefined ? file : await readPart(file, part);
  try {
    const limits = { limitInputPixels: Math.floor(maxBytes / 3), animated: true, failOn: "error" } as const;
    const { data, info } = await sharp(input, limits)
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    const metadata = await sharp(input, limits).metadata();
    signal?.throwIfAborted();
    const frames = metadata.pages ?? 1;
    const delays = (metadata.delay ?? []).filter((delay) => delay > 0);
    const mean = delays.reduce((sum, delay) => sum + delay, 0) / delays.length;
    const fps = delays.length === 0 ? 10 : Number((1000 / mean).toFixed(4)); // a file without delays is shown at 10 by browsers
    const clip = createClip(new Uint8Array(data), {
      id,
      caption,
      height: info.height / frames,
      width: info.width,
      fps,
    });
    const last = Math.min(end ?? frames, start + maxFrames, frames);
    if (start >= last) throw new ClipError(`${file} has no frame from ${start}; it has ${frames}`, { path: file });
    if (start === 0 && last === frames) return clip;
    return selectFrames(
      clip,
      Array.from({ length: last - start }, (_, i) => start + i),
    );
  } catch (cause) {
    if (ClipError.isInstance(cause) || signal?.aborted === true) throw cause;
    throw new ClipError(`cannot read ${file}: ${sharpReason(cause)}`, { path: file, cause });
  }
}

export interface WriteAnimationOptions {
  /** WebP: bit-exact pixels (default true). GIF has at most 256 colours and is never exact. */
  readonly lossless?: boolean | undefined;
  /** WebP with `lossless: false`: 1 to 100, default 85. */
  readonly quality?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Writes a GIF or an animated WebP that plays in a loop. The file is whole or absent. */
export async function writeAnimation(file: string, clip: Clip, options: WriteAnimationOptions = {}): Promise<void> {
  const { lossless = true, quality = 85, signal } = options;
  signal?.throwIfAborted();
  const raw = { width: clip.width, height: clip.height * clip.frames, channels: 3, pageHeight: clip.height } as const;
  const delay = Array.from({ length: clip.frames }, () => Math.max(1, Math.round(1000 / clip.fps)));
  const image = sharp(clip.pixels, { raw, limitInputPixels: false });
  const isGif = path.extname(file).toLowerCase() === ".gif";
  const encoded = isGif ? image.gif({ delay, effort: 3 }) : image.webp({ delay, lossless, quality, effort: 1 });
  try {
    await replaceFile(file, (temporary) => encoded.toFile(temporary));
  } catch (cause) {
    if (ClipError.isInstance(cause)) throw cause;
    throw new ClipError(`cannot write ${file}: ${sharpReason(cause)}`, { path: file, cause });
  }
}
