// RGB bytes to hue, saturation and value as OpenCV computes them for 8-bit pictures: hue 0 to 179, fixed point included.

const shift = 12;
const half = 1 << (shift - 1);
const saturationTable = Int32Array.from({ length: 256 }, (_, v) => (v === 0 ? 0 : Math.round((255 << shift) / v)));
const hueTable = Int32Array.from({ length: 256 }, (_, range) =>
  range === 0 ? 0 : Math.round((180 << shift) / (6 * range)),
);

/** Converts pixels `[…, 3]`; the result has the same layout. */
export function rgbToHsv8(rgb: Uint8Array): Uint8Array {
  const hsv = new Uint8Array(rgb.length);
  for (let i = 0; i < rgb.length; i += 3) {
    const r = rgb[i]!;
    const g = rgb[i + 1]!;
    const b = rgb[i + 2]!;
    const value = Math.max(r, g, b);
    const range = value - Math.min(r, g, b);
    const sector = value === r ? g - b : value === g ? b - r + 2 * range : r - g + 4 * range;
    const hue = (sector * hueTable[range]! + half) >> shift;
    hsv[i] = hue < 0 ? hue + 180 : hue;
    hsv[i + 1] = (range * saturationTable[value]! + half) >> shift;
    hsv[i + 2] = value;
  }
  return hsv;
}
