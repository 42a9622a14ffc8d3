// RGB bytes to the planes that encoders take, limited range: what ffmpeg is told to do in Node.
import { lumaWeights } from "./pixels.js";

/**
 * I420 planes of RGB bytes `[H, W, 3]`, one after the other: luma `[H, W]`, then both chromas `[(H + 1) / 2, (W + 1) / 2]`, each the
 * mean of up to four pixels.
 */
export function rgbToI420(
  pixels: Uint8Array,
  size: { readonly height: number; readonly width: number },
  matrix: "bt709" | "smpte170m",
): Uint8Array<ArrayBuffer> {
  const { height, width } = size;
  const [red, blue] = lumaWeights(matrix);
  const green = 1 - red - blue;
  const chromaWidth = (width + 1) >> 1;
  const chromaSize = chromaWidth * ((height + 1) >> 1);
  const planes = new Uint8ClampedArray(height * width + 2 * chromaSize);
  const sums = new Float32Array(2 * chromaSize); // of the colour differences of each chroma sample's pixels
  for (let y = 0, i = 0, luma = 0; y < height; y++) {
    const row = (y >> 1) * chromaWidth;
    for (let x = 0; x < width; x++, i += 3, luma++) {
      const r = pixels[i]!;
      const b = pixels[i + 2]!;
      const light = red * r + green * pixels[i + 1]! + blue * b;
      planes[luma] = 16 + (light * 219) / 255;
      const at = row + (x >> 1);
      sums[at]! += b - light;
      sums[chromaSize + at]! += r - light;
    }
  }
  const [ofBlue, ofRed] = [224 / 255 / (2 * (1 - blue)), 224 / 255 / (2 * (1 - red))];
  for (let y = 0, at = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2, at++) {
      const count = Math.min(2, height - y) * Math.min(2, width - x);
      planes[height * width + at] = 128 + (sums[at]! * ofBlue) / count;
      planes[height * width + chromaSize + at] = 128 + (sums[chromaSize + at]! * ofRed) / count;
    }
  }
  return new Uint8Array(planes.buffer);
}
