// Decoded planes to RGB bytes: one conversion for every browser, the one that ffmpeg does in Node.

export interface Planes {
  /** WebCodecs' name: I420, I422, I444 with 8, 10 or 12 bits, with or without alpha; NV12; or an RGB format. */
  readonly format: string;
  readonly height: number;
  readonly width: number;
  /** All planes. */
  readonly bytes: Uint8Array;
  /** Where each plane begins and how far its rows are apart, in bytes. */
  readonly layout: readonly { readonly offset: number; readonly stride: number }[];
}

export interface PlaneColours {
  /** WebCodecs' name of the matrix. Unknown or null counts as BT.601, as in ffmpeg. */
  readonly matrix: string | null | undefined;
  /** True when black is 0 and white 255; false or left out when they are 16 and 235. */
  readonly fullRange: boolean | null | undefined;
}

/** Weights of red and blue in luma: ITU-R BT.709, BT.2020 (non-constant) and BT.601. */
const weights: Readonly<Record<string, readonly [red: number, blue: number]>> = {
  bt709: [0.2126, 0.0722],
  "bt2020-ncl": [0.2627, 0.0593],
};
const bt601 = [0.299, 0.114] as const;

export const lumaWeights = (matrix: string | null | undefined): readonly [red: number, blue: number] =>
  weights[matrix ?? ""] ?? bt601;

/** Bicubic interpolation (a = -0.6, as ffmpeg's) of a chroma sample between two luma samples, a quarter away from the nearer. */
const taps = [-0.028125, 0.240625, 0.871875, -0.084375] as const;
/** No interpolation. */
const whole = [0, 0, 1, 0] as const;

/** True for the formats that `planesToRgb` reads. */
export function isReadable(format: string | null): format is string {
  return format !== null && (/^I4(20|22|44)A?(P1[02])?$/.test(format) || /^NV12$|^(RGB|BGR)[AX]$/.test(format));
}

/** RGB bytes, `[H, W, 3]`. Chroma lies between luma samples in both directions; an alpha plane is left out. */
export function planesToRgb(planes: Planes, colours: PlaneColours): Uint8Array {
  const { height, width, format, bytes, layout } = planes;
  if (/^(RGB|BGR)[AX]$/.test(format)) return packedToRgb(planes);
  const bits = format.endsWith("P10") ? 10 : format.endsWith("P12") ? 12 : 8;
  const samples = bits === 8 ? bytes : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
  const rowStart = (plane: number, row: number): number =>
    (layout[plane]!.offset + row * layout[plane]!.stride) >> (bits === 8 ? 0 : 1);
  const halfWidth = !format.startsWith("I444");
  const halfHeight = format.startsWith("I420") || format === "NV12";
  const chromaWidth = halfWidth ? (width + 1) >> 1 : width;
  const chromaHeight = halfHeight ? (height + 1) >> 1 : height;
  // [W', two more on each side]: then the taps of the first and last column need no care
  const line = new Float32Array(chromaWidth + 4);
  const mixChroma = (wide: Float32Array, plane: number, first: number, step: number, y: number): void => {
    const [w0, w1, w2, w3] = halfHeight ? taps : whole;
    const [r0, r1, r2, r3] = chromaRows(y, halfHeight, chromaHeight).map((row) => rowStart(plane, row) + first);
    for (let x = 0, at = 0; x < chromaWidth; x++, at += step) {
      line[x + 2] =
        w0 * samples[r0! + at]! + w1 * samples[r1! + at]! + w2 * samples[r2! + at]! + w3 * samples[r3! + at]!;
    }
    line.fill(line[2]!, 0, 2);
    line.fill(line[chromaWidth + 1]!, chromaWidth + 2);
    if (halfWidth) widen(line, wide);
    else wide.set(line.subarray(2, 2 + width));
  };
  const interleaved = format === "NV12";
  const { black, grey, luma, redOfV, greenOfU, greenOfV, blueOfU } = colourScale(colours, bits);
  const columns = halfWidth ? 2 * chromaWidth : width;
  const [blues, reds] = [new Float32Array(columns), new Float32Array(columns)]; // chroma at each column
  const rgb = new Uint8ClampedArray(height * width * 3); // rounds
  for (let y = 0, i = 0; y < height; y++) {
    mixChroma(blues, 1, 0, interleaved ? 2 : 1, y);
    mixChroma(reds, interleaved ? 1 : 2, interleaved ? 1 : 0, interleaved ? 2 : 1, y);
    const start = rowStart(0, y);
    for (let x = 0; x < width; x++, i += 3) {
      const light = (samples[start + x]! - black) * luma;
      const blue = blues[x]! - grey;
      const red = reds[x]! - grey;
      rgb[i] = light + redOfV * red;
      rgb[i + 1] = light - greenOfU * blue - greenOfV * red;
      rgb[i + 2] = light + blueOfU * blue;
    }
  }
  return new Uint8Array(rgb.buffer);
}

/** The chroma rows that row `y` of the picture is mixed of: far, second, nearest, and behind the nearest. */
function chromaRows(y: number, half: boolean, count: number): number[] {
  if (!half) return [y, y, y, y];
  const nearest = y >> 1;
  const step = y % 2 === 0 ? -1 : 1; // the second nearest row lies above an even row, below an odd one
  return [2, 1, 0, -1].map((away) => Math.min(count - 1, Math.max(0, nearest + step * away)));
}

/** Chroma at every column, of a line that has it at every second one and two more on each side. */
function widen(line: Float32Array, wide: Float32Array): void {
  const [far, second, nearest, behind] = taps;
  for (let x = 0; x < wide.length; x += 2) {
    const at = (x >> 1) + 2;
    const before = line[at - 1]!;
    const here = nearest * line[at]!;
    const after = line[at + 1]!;
    wide[x] = far * line[at - 2]! + second * before + here + behind * after;
    wide[x + 1] = behind * before + here + second * after + far * line[at + 2]!;
  }
}

interface ColourScale {
  /** What black and grey are coded as. */
  readonly black: number;
  readonly grey: number;
  /** Factors to [0, 255]; V and U are the differences of red and of blue from luma. */
  readonly luma: number;
  readonly redOfV: number;
  readonly greenOfU: number;
  readonly greenOfV: number;
  readonly blueOfU: number;
}

/** ITU-T H.273, section 8.3: equations of non-constant luma, solved for red, green and blue. */
function colourScale({ matrix, fullRange }: PlaneColours, bits: number): ColourScale {
  const full = fullRange === true;
  const unit = 2 ** (bits - 8);
  const luma = full ? 255 / (2 ** bits - 1) : 255 / (219 * unit);
  const chroma = full ? luma : 255 / (224 * unit);
  const [red, blue] = lumaWeights(matrix);
  const green = 1 - red - blue;
  return {
    black: full ? 0 : 16 * unit,
    grey: 128 * unit,
    luma,
    redOfV: 2 * (1 - red) * chroma,
    greenOfU: ((2 * blue * (1 - blue)) / green) * chroma,
    greenOfV: ((2 * red * (1 - red)) / green) * chroma,
    blueOfU: 2 * (1 - blue) * chroma,
  };
}

/** Four bytes a pixel to three; transparent parts become white where the format has alpha. */
function packedToRgb({ format, height, width, bytes, layout }: Planes): Uint8Array {
  const [red, blue] = format.startsWith("RGB") ? [0, 2] : [2, 0];
  const opaque = format.endsWith("X");
  const { offset, stride } = layout[0]!;
  const rgb = new Uint8Array(height * width * 3);
  let i = 0;
  for (let y = 0; y < height; y++) {
    for (let at = offset + y * stride; at < offset + y * stride + 4 * width; at += 4) {
      const alpha = opaque ? 255 : bytes[at + 3]!;
      for (const part of [red, 1, blue]) {
        rgb[i++] = alpha === 255 ? bytes[at + part]! : Math.round(255 + ((bytes[at + part]! - 255) * alpha) / 255);
      }
    }
  }
  return rgb;
}
