// Frames at the size that scores are computed at.
import type { VideoFrame } from "../video/frames.js";

/** RGB pixels at about `target` columns; smaller frames stay. Bilinear with half-pixel centres and without antialiasing, OpenCV's default. */
export function shrink(frame: VideoFrame, target: number): Uint8Array {
  if (frame.width < target) return frame.pixels;
  const factor = frame.width / target;
  const width = Math.round(frame.width / factor);
  const height = Math.max(1, Math.round(frame.height / factor));
  const columns = taps(frame.width, width);
  const rows = taps(frame.height, height);
  const { pixels } = frame;
  const stride = frame.width * 3;
  const result = new Uint8ClampedArray(height * width * 3);
  let out = 0;
  for (const { low: top, high: bottom, share: down } of rows) {
    for (const { low: left, high: right, share: across } of columns) {
      for (let c = 0; c < 3; c++) {
        const upper = mix(pixels[top * stride + left * 3 + c]!, pixels[top * stride + right * 3 + c]!, across);
        const lower = mix(pixels[bottom * stride + left * 3 + c]!, pixels[bottom * stride + right * 3 + c]!, across);
        result[out++] = mix(upper, lower, down);
      }
    }
  }
  return new Uint8Array(result.buffer);
}

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

function taps(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, i) => {
    const center = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(center);
    return { low, high: Math.min(from - 1, low + 1), share: center - low };
  });
}
