// Still pictures are clips of one frame.
import { type CallOptions, type Clip, ClipError, ConfigError } from "@noisereel/core";
import { createClip, framePixels } from "../clip.js";
import { findFile, type WebFile } from "./file.js";
import { clipFrames, type FrameSource, isClip, type VideoFrame } from "../video/frame.js";
import { checkPixels } from "./options.js";
import { planesToRgb } from "./pixels.js";

export interface ReadImageOptions {
  /** Identity of the clip. Default: the file's name or address. */
  readonly id?: string | undefined;
  readonly caption?: string | undefined;
  /** Largest height times width that is accepted. Default 268,402,689, as in Node. */
  readonly maxPixels?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a picture that the browser knows (png, jpg, webp, gif, mostly avif) upright and as sRGB; transparent parts become
 * white. Throws `ClipError` when it is damaged, cut short or no picture.
 */
export async function readImage(file: WebFile, options: ReadImageOptions = {}): Promise<Clip> {
  const { caption, maxPixels = 268_402_689, signal } = options;
  const { name, blob } = await findFile(file, signal);
  const { id = name } = options;
  const bitmap = await createImageBitmap(await blob()).catch((cause: unknown) => {
    throw new ClipError(
      `cannot read ${name}: the browser decodes no picture from it; it is damaged, cut short or of another format`,
      {
        path: name,
        cause,
      },
    );
  });
  try {
    signal?.throwIfAborted();
    const { height, width } = bitmap;
    checkPixels(name, height, width, maxPixels);
    const context = context2d({ height, width });
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    const bytes = new Uint8Array(context.getImageData(0, 0, width, height).data.buffer);
    const layout = [{ offset: 0, stride: 4 * width }];
    const pixels = planesToRgb({ format: "RGBX", height, width, bytes, layout }, { matrix: null, fullRange: null });
    return createClip(pixels, { id, caption, height, width, fps: 1 });
  } finally {
    bitmap.close();
  }
}

export interface WriteImageOptions {
  /** Which frame of the clip. Default 0. */
  readonly frame?: number | undefined;
  /** 1 to 100 for jpg and webp; default 90. A png is exact. */
  readonly quality?: number | undefined;
}

const types: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".webp": "image/webp",
};

/** One frame as a png, jpg or webp file in memory, by the ending of `name`. */
export async function writeImage(name: string, clip: Clip, options: WriteImageOptions = {}): Promise<File> {
  const { frame = 0, quality = 90 } = options;
  const ending = /\.[^.]*$/.exec(name)?.[0].toLowerCase() ?? "";
  const type = types[ending];
  if (type === undefined) {
    throw new ConfigError(`${name} ends in "${ending}"; writable are ${Object.keys(types).join(", ")}`);
  }
  const { height, width } = clip;
  const blob = await encoded({ height, width, pixels: framePixels(clip, frame) }, type, quality);
  return new File([blob], name, { type });
}

/** The bytes of a PNG of one frame. */
export async function encodePng(clip: Clip, options: { readonly frame?: number } = {}): Promise<Uint8Array> {
  const file = await writeImage("frame.png", clip, { frame: options.frame });
  return new Uint8Array(await file.arrayBuffer());
}

/** Each frame as a PNG, exact, one after the other: a sequence for a zip or a folder, never all in memory. */
export async function* pngFrames(source: FrameSource, options: Pick<CallOptions, "signal"> = {}): AsyncGenerator<Blob> {
  for await (const frame of isClip(source) ? clipFrames(source) : source) {
    options.signal?.throwIfAborted();
    yield await encoded(frame, "image/png", 100);
  }
}

async function encoded(
  { height, width, pixels }: Pick<VideoFrame, "height" | "width" | "pixels">,
  type: string,
  quality: number,
): Promise<Blob> {
  if (!(quality >= 1 && quality <= 100)) throw new ConfigError(`quality is ${quality}; use 1 to 100`);
  const context = context2d({ height, width });
  const image = context.createImageData(width, height);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    image.data[to] = pixels[from]!;
    image.data[to + 1] = pixels[from + 1]!;
    image.data[to + 2] = pixels[from + 2]!;
    image.data[to + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  const blob = await context.canvas.convertToBlob({ type, quality: quality / 100 });
  if (blob.type === type) return blob;
  throw new ConfigError(`this browser writes no ${type}; choose .png`); // it answers with a PNG instead
}

function context2d({
  height,
  width,
}: {
  readonly height: number;
  readonly width: number;
}): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null) throw new ClipError(`the browser has no canvas of ${width}x${height}; use a smaller picture`);
  return context;
}
