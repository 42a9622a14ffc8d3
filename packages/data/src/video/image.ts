// Still pictures are clips of one frame.
import path from "node:path";
import { type Clip, ClipError, ConfigError } from "@noisereel/core";
import sharp, { type Sharp } from "sharp";
import { createClip, framePixels } from "../clip.js";
import { type FilePart, readPart, replaceFile, requireFile } from "../files.js";
import { sharpReason } from "./sharp-reason.js";

export interface ReadImageOptions {
  /** Identity of the clip. Default: the path as given. */
  readonly id?: string | undefined;
  readonly caption?: string | undefined;
  /** Largest height times width that is accepted. Default 268,402,689 (sharp's own limit). */
  readonly maxPixels?: number | undefined;
  /** Reads this piece of `file`. Default: the whole file. */
  readonly part?: FilePart | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a picture (png, jpg, webp, gif, tiff, avif) upright and as sRGB; transparent parts become white. */
export async function readImage(file: string, options: ReadImageOptions = {}): Promise<Clip> {
  const { id = file, caption, maxPixels = 268_402_689, part, signal } = options;
  await requireFile(file);
  signal?.throwIfAborted();
  const input = part === undefined ? file : await readPart(file, part);
  try {
    const { data, info } = await sharp(input, { limitInputPixels: maxPixels, failOn: "error" })
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
    return createClip(new Uint8Array(data), { id, caption, height: info.height, width: info.width, fps: 1 });
  } catch (cause) {
    throw new ClipError(`cannot read ${file}: ${sharpReason(cause)}`, { path: file, cause });
  }
}

export interface WriteImageOptions {
  /** Which frame of the clip. Default 0. */
  readonly frame?: number | undefined;
  /** 1 to 100 for jpg and webp; default 90. A png is exact. */
  readonly quality?: number | undefined;
}

/** Writes one frame as png, jpg or webp, by the file's ending. The file is whole or absent. */
export async function writeImage(file: string, clip: Clip, options: WriteImageOptions = {}): Promise<void> {
  const { frame = 0, quality = 90 } = options;
  const ending = path.extname(file).toLowerCase();
  const encode = encoders[ending];
  if (encode === undefined) {
    throw new ConfigError(`${file} ends in "${ending}"; writable are ${Object.keys(encoders).join(", ")}`);
  }
  const encoded = encode(toSharp(clip, frame), quality);
  try {
    await replaceFile(file, (temporary) => encoded.toFile(temporary));
  } catch (cause) {
    if (ClipError.isInstance(cause)) throw cause;
    throw new ClipError(`cannot write ${file}: ${sharpReason(cause)}`, { path: file, cause });
  }
}

/** The bytes of a PNG of one frame, for embedding in a page. */
export async function encodePng(clip: Clip, options: { readonly frame?: number } = {}): Promise<Uint8Array> {
  return new Uint8Array(
    await toSharp(clip, options.frame ?? 0)
      .png()
      .toBuffer(),
  );
}

function toSharp(clip: Clip, frame: number): Sharp {
  return sharp(framePixels(clip, frame), { raw: { width: clip.width, height: clip.height, channels: 3 } });
}

const encoders: Readonly<Record<string, (image: Sharp, quality: number) => Sharp>> = {
  ".png": (image) => image.png(),
  ".jpg": (image, quality) => image.jpeg({ quality }),
  ".jpeg": (image, quality) => image.jpeg({ quality }),
  ".webp": (image, quality) => image.webp({ quality }),
};
