// Rectangles cut out of every frame of a clip.
import { type Clip, type ClipTransform, ConfigError } from "@noisereel/core";
import { withPixels } from "../clip.js";

export interface Size {
  readonly height: number;
  readonly width: number;
}

export interface Rectangle extends Size {
  readonly top: number;
  readonly left: number;
}

/** Cuts the same rectangle out of every frame. */
export function cropClip(clip: Clip, rectangle: Rectangle): Clip {
  const { top, left, height, width } = rectangle;
  if (top < 0 || left < 0 || top + height > clip.height || left + width > clip.width) {
    throw new ConfigError(
      `a crop of ${width}x${height} at (${left}, ${top}) does not fit into clip ${clip.id} of ${clip.width}x${clip.height}; make the crop smaller or resize first`,
    );
  }
  if (height === clip.height && width === clip.width) return clip;
  const pixels = new Uint8Array(clip.frames * height * width * 3);
  for (let row = 0; row < clip.frames * height; row++) {
    const frame = Math.floor(row / height);
    const source = ((frame * clip.height + top + (row % height)) * clip.width + left) * 3;
    pixels.set(clip.pixels.subarray(source, source + width * 3), row * width * 3);
  }
  return withPixels(clip, pixels, { height, width });
}

/** The largest centred rectangle with the aspect of `size`; offsets of half a pixel round to even, like the reference. */
export function centerRectangle(from: Size, size: Size): Rectangle {
  const wide = from.width * size.height > from.height * size.width;
  const height = wide ? from.height : Math.max(1, Math.round((from.width * size.height) / size.width));
  const width = wide ? Math.max(1, Math.round((from.height * size.width) / size.height)) : from.width;
  return {
    top: roundHalfEven((from.height - height) / 2),
    left: roundHalfEven((from.width - width) / 2),
    height,
    width,
  };
}

/** Cuts a centred rectangle of exactly this size, without scaling. A smaller clip is an error. */
export function centerCrop(size: number | Size): ClipTransform {
  const { height, width } = toSize(size);
  return (clip) =>
    cropClip(clip, {
      top: roundHalfEven((clip.height - height) / 2),
      left: roundHalfEven((clip.width - width) / 2),
      height,
      width,
    });
}

/** Cuts a rectangle of exactly this size at a drawn place, the same in all frames. A smaller clip is an error. */
export function randomCrop(size: number | Size): ClipTransform {
  const { height, width } = toSize(size);
  return (clip, rng) =>
    cropClip(clip, {
      top: rng.integer(Math.max(1, clip.height - height + 1)),
      left: rng.integer(Math.max(1, clip.width - width + 1)),
      height,
      width,
    });
}

/** A number stands for a square. */
export function toSize(size: number | Size): Size {
  const { height, width } = typeof size === "number" ? { height: size, width: size } : size;
  for (const [name, value] of Object.entries({ height, width })) {
    if (!Number.isInteger(value) || value < 1) throw new ConfigError(`${name} is ${value}; use a positive integer`);
  }
  return { height, width };
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}
