// Frames at the size that scores are computed at.
import type { VideoFrame } from "../video/frame.js";

/** RGB pixels at about `target` columns; smaller frames stay. Bilinear with half-pixel centres and without antialiasing, OpenCV's default. */
export function shrink(frame: VideoFrame, target: number): Uint8Array {
  if (frame.width <= target) return frame.pixels;
  const factor = frame.width / target;
  const width = Math.round(frame.width / factor);
  const height = Math.max(1, Math.round(frame.height / factor));
  const columns = taps(frame.width, width);
  const rows = taps(frame.height, height);
  const { pixels } = frame;
  const stride = frame.width * 3;
  const result = new Uint8ClampedArray(height * width * 3);
  rows.forEach(({ low, high, share }, row) => {
    const line = result.subarray(row * width * 3, (row + 1) * width * 3);
    mixPoints(line, columns, { pixels, upper: low * stride, lower: high * stride, down: share });
  });
  return new Uint8Array(result.buffer);
}

function mixPoints(
  line: Uint8ClampedArray,
  columns: readonly Tap[],
  rows: { readonly pixels: Uint8Array; readonly upper: number; readonly lower: number; readonly down: number },
): void {
  const { pixels, upper, lower, down } = rows;
  let out = 0;
  for (let column = 0; column < columns.length; column++) {
    const { low, high, share } = columns[column]!;
    const [left, right] = [low * 3, high * 3];
    for (let c = 0; c < 3; c++) {
      const above = mix(pixels[upper + left + c]!, pixels[upper + right + c]!, share);
      const below = mix(pixels[lower + left + c]!, pixels[lower + right + c]!, share);
      line[out++] = mix(above, below, down);
    }
  }
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

interface Tap {
  readonly low: number;
  readonly high: number;
  readonly share: number;
}

function taps(from: number, to: number): Tap[] {
  return Array.from({ length: to }, (_, i) => {
    const center = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(center);
    return { low, high: Math.min(from - 1, low + 1), share: center - low };
  });
}
