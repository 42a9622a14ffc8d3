// Frames upright: what a phone held sideways writes into the file.

export interface Turned {
  readonly height: number;
  readonly width: number;
  readonly pixels: Uint8Array;
}

/** RGB bytes `[H, W, 3]` turned clockwise by `rotation` degrees, then mirrored left to right when `flip` is true. */
export function turnPixels(picture: Turned, rotation: 0 | 90 | 180 | 270, flip: boolean): Turned {
  if (rotation === 0 && !flip) return picture;
  const across = rotation === 90 || rotation === 270;
  const [height, width] = across ? [picture.width, picture.height] : [picture.height, picture.width];
  // Where the first pixel comes from, and how far its source moves with each column and each row.
  const { first, column, row } = steps(picture, rotation);
  const start = flip ? first + (width - 1) * column : first;
  const step = flip ? -column : column;
  const pixels = new Uint8Array(picture.pixels.length);
  let i = 0;
  for (let y = 0; y < height; y++) {
    let source = 3 * (start + y * row);
    for (let x = 0; x < width; x++, source += 3 * step) {
      pixels[i++] = picture.pixels[source]!;
      pixels[i++] = picture.pixels[source + 1]!;
      pixels[i++] = picture.pixels[source + 2]!;
    }
  }
  return { height, width, pixels };
}

/** In pixels of the picture before it is turned. */
function steps(
  { height, width }: { readonly height: number; readonly width: number },
  rotation: 0 | 90 | 180 | 270,
): { readonly first: number; readonly column: number; readonly row: number } {
  if (rotation === 90) return { first: (height - 1) * width, column: -width, row: 1 };
  if (rotation === 180) return { first: height * width - 1, column: -1, row: -width };
  if (rotation === 270) return { first: width - 1, column: width, row: -1 };
  return { first: 0, column: 1, row: width };
}
