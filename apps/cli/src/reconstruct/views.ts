// Frames made of an original and its reconstruction. All are RGB bytes `[height, width, 3]`.

export interface FrameSize {
  readonly height: number;
  readonly width: number;
}

/** The original on the left, the reconstruction on the right. */
export function besideEachOther(original: Uint8Array, reconstruction: Uint8Array, size: FrameSize): Uint8Array {
  const row = size.width * 3;
  const result = new Uint8Array(original.length * 2);
  for (let y = 0; y < size.height; y++) {
    result.set(original.subarray(y * row, (y + 1) * row), 2 * y * row);
    result.set(reconstruction.subarray(y * row, (y + 1) * row), (2 * y + 1) * row);
  }
  return result;
}

/** How many times a difference is enlarged, so that an error of a few steps is seen. */
export const differenceGain = 4;

/** The distance of each colour, enlarged: black where both are equal. */
export function differenceOf(original: Uint8Array, reconstruction: Uint8Array): Uint8Array {
  return original.map((byte, place) => Math.min(255, differenceGain * Math.abs(byte - reconstruction[place]!)));
}

/** Cropped to an even height and width, as video for browsers needs. */
export function evenFrame(pixels: Uint8Array, size: FrameSize): { readonly pixels: Uint8Array } & FrameSize {
  const height = size.height - (size.height % 2);
  const width = size.width - (size.width % 2);
  if (height === size.height && width === size.width) return { pixels, height, width };
  const result = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    result.set(pixels.subarray(y * size.width * 3, (y * size.width + width) * 3), y * width * 3);
  }
  return { pixels: result, height, width };
}
