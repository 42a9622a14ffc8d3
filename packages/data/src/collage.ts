// Clips beside each other: for reports, reels and eyes.
import { type Clip, ConfigError, ShapeError } from "@noisereel/core";
import sharp from "sharp";
import { createClip, framePixels, selectFrames } from "./clip.js";
import { resizeClip } from "./transforms/resize.js";

export interface TileOptions {
  /** Clips in a row. Default: a grid about as wide as high. */
  readonly columns?: number | undefined;
  /** Pixels between clips. Default 4. */
  readonly gap?: number | undefined;
  /** Colour of gaps and of what clips do not fill, red, green, blue. Default dark grey. */
  readonly background?: readonly [number, number, number] | undefined;
  /** One text for each clip, written in a strip above it. Needs a font on the machine; default none. */
  readonly labels?: readonly string[] | undefined;
  /** Scales each clip to this height, keeping its aspect. Default: clips keep their sizes. */
  readonly height?: number | undefined;
  /** A clip shorter than the longest: `hold` its last frame (default) or `loop`. */
  readonly ending?: "hold" | "loop" | undefined;
  /** Identity of the result. Default `tiles`. */
  readonly id?: string | undefined;
}

const labelHeight = 24;

/**
 * Clips in a grid, as one clip that lasts as long as the longest. Every cell has the size of the largest clip; smaller
 * ones sit in its middle. The size of the result is even, so that it can be written as a video. Frames are shown at the
 * first clip's rate.
 */
export async function tileClips(clips: readonly Clip[], options: TileOptions = {}): Promise<Clip> {
  const { gap = 4, background = [24, 24, 27], labels, ending = "hold", id = "tiles" } = options;
  const [first] = clips;
  if (first === undefined) throw new ShapeError("clips is empty; give at least one clip");
  if (labels !== undefined && labels.length !== clips.length) {
    throw new ConfigError(`labels has ${labels.length} texts for ${clips.length} clips; give one for each`);
  }
  const { columns = Math.ceil(Math.sqrt(clips.length)) } = options;
  if (!Number.isInteger(columns) || columns < 1) throw new ConfigError(`columns is ${columns}; use a positive integer`);
  const scaled = await Promise.all(clips.map((clip) => scaleToHeight(clip, options.height)));
  const cellWidth = Math.max(...scaled.map(({ width }) => width));
  const cellHeight = Math.max(...scaled.map(({ height }) => height));
  const strip = labels === undefined ? 0 : labelHeight;
  const rows = Math.ceil(clips.length / columns);
  const width = even(columns * (cellWidth + gap) + gap);
  const height = even(rows * (cellHeight + strip + gap) + gap);
  const cells = scaled.map((clip, index) => ({
    clip,
    left: gap + (index % columns) * (cellWidth + gap) + ((cellWidth - clip.width) >> 1),
    top: gap + Math.floor(index / columns) * (cellHeight + strip + gap) + strip + ((cellHeight - clip.height) >> 1),
    labelLeft: gap + (index % columns) * (cellWidth + gap),
    labelTop: gap + Math.floor(index / columns) * (cellHeight + strip + gap),
  }));
  const canvas = { height, width, background, cellWidth };
  const empty = await emptyFrame(
    canvas,
    labels === undefined ? [] : cells.map((cell, i) => ({ ...cell, text: labels[i]! })),
  );
  const frames = Math.max(...scaled.map((clip) => clip.frames));
  const pixels = new Uint8Array(frames * empty.length);
  for (let frame = 0; frame < frames; frame++) {
    const target = pixels.subarray(frame * empty.length, (frame + 1) * empty.length);
    target.set(empty);
    for (const { clip, left, top } of cells) {
      const index = ending === "loop" ? frame % clip.frames : Math.min(frame, clip.frames - 1);
      paste(target, width, framePixels(clip, index), clip, { left, top });
    }
  }
  return createClip(pixels, { id, height, width, fps: first.fps });
}

/** Two clips next to each other, for example an original and its reconstruction. */
export function sideBySide(left: Clip, right: Clip, options: Omit<TileOptions, "columns"> = {}): Promise<Clip> {
  return tileClips([left, right], { ...options, columns: 2 });
}

/** Evenly spaced frames of a clip in one picture: a clip of one frame. */
export function contactSheet(
  clip: Clip,
  options: Omit<TileOptions, "labels" | "ending"> & {
    /** Frames that are shown. Default 8, or all of a shorter clip. */
    readonly count?: number | undefined;
  } = {},
): Promise<Clip> {
  const count = Math.min(options.count ?? 8, clip.frames);
  const last = clip.frames - 1;
  const frames = Array.from({ length: count }, (_, i) =>
    selectFrames(clip, [count === 1 ? 0 : Math.round((i * last) / (count - 1))]),
  );
  return tileClips(frames, { id: `${clip.id}-sheet`, ...options, columns: options.columns ?? count });
}

const even = (size: number): number => size + (size % 2);

async function scaleToHeight(clip: Clip, height: number | undefined): Promise<Clip> {
  if (height === undefined || height === clip.height) return clip;
  const width = Math.max(1, Math.round((clip.width * height) / clip.height));
  return resizeClip(clip, { height, width }, { resizer: "sharp" });
}

function paste(
  target: Uint8Array, // [H, W, 3]
  targetWidth: number,
  source: Uint8Array, // [h, w, 3]
  size: { readonly height: number; readonly width: number },
  at: { readonly left: number; readonly top: number },
): void {
  for (let row = 0; row < size.height; row++) {
    const line = source.subarray(row * size.width * 3, (row + 1) * size.width * 3);
    target.set(line, ((at.top + row) * targetWidth + at.left) * 3);
  }
}

interface Label {
  readonly text: string;
  readonly labelLeft: number;
  readonly labelTop: number;
}

/** The background with the labels written on it, `[H, W, 3]`. */
async function emptyFrame(
  canvas: { height: number; width: number; background: readonly [number, number, number]; cellWidth: number },
  labels: readonly Label[],
): Promise<Uint8Array> {
  const { height, width, background, cellWidth } = canvas;
  const [r, g, b] = background;
  const blank = sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
  if (labels.length === 0) return blank.raw().toBuffer();
  const ink = r * 0.3 + g * 0.59 + b * 0.11 < 128 ? "#f4f4f5" : "#18181b";
  const letters = Math.max(3, Math.floor(cellWidth / 7.2)); // of a 13 px sans-serif font
  const texts = labels.map(({ text, labelLeft, labelTop }) => {
    const short = text.length > letters ? `${text.slice(0, letters - 1).trimEnd()}…` : text;
    return `<text x="${labelLeft + 2}" y="${labelTop + 16}">${escapeXml(short)}</text>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><g font-family="sans-serif" font-size="13" fill="${ink}">${texts.join("")}</g></svg>`;
  return blank
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer();
}

function escapeXml(text: string): string {
  // Control characters are not allowed in XML, even escaped.
  const printable = text.replace(/\p{Cc}/gu, " ");
  return printable.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
