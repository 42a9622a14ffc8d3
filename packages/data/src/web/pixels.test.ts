import { describe, expect, it } from "vitest";
import { rgbToI420 } from "./i420.js";
import { isReadable, type Planes, planesToRgb } from "./pixels.js";
import { turnPixels } from "./turn.js";

/** Planes of one colour: luma, then the differences of blue and of red. */
function flat(format: string, [y, u, v]: readonly [number, number, number], bits = 8): Planes {
  const [height, width] = [4, 6];
  const chroma = format.startsWith("I444") ? 24 : format.startsWith("I422") ? 12 : 6;
  const samples = [...Array<number>(24).fill(y), ...Array<number>(chroma).fill(u), ...Array<number>(chroma).fill(v)];
  const bytes = bits === 8 ? Uint8Array.from(samples) : new Uint8Array(Uint16Array.from(samples).buffer);
  const size = bits === 8 ? 1 : 2;
  const across = (format.startsWith("I444") ? 6 : 3) * size;
  const layout = [
    { offset: 0, stride: 6 * size },
    { offset: 24 * size, stride: across },
    { offset: (24 + chroma) * size, stride: across },
  ];
  return { format, height, width, bytes, layout };
}

const first = (pixels: Uint8Array): number[] => [...pixels.subarray(0, 3)];

describe("planes to RGB", () => {
  // Colour bars at 100 %: ITU-R BT.601 and BT.709, 8 bits, limited range.
  it.each([
    ["white", "bt709", [235, 128, 128], [255, 255, 255]],
    ["black", "bt709", [16, 128, 128], [0, 0, 0]],
    ["red of BT.709", "bt709", [63, 102, 240], [255, 1, 0]],
    ["blue of BT.709", "bt709", [32, 240, 118], [1, 0, 255]],
    ["red of BT.601", "smpte170m", [81, 90, 240], [254, 0, 0]],
    ["red of a file that says nothing", null, [81, 90, 240], [254, 0, 0]],
  ] as const)("%s", (_, matrix, planes, rgb) => {
    for (const format of ["I420", "I422", "I444", "I420A"]) {
      const pixels = planesToRgb(flat(format, planes), { matrix, fullRange: false });
      expect(pixels).toHaveLength(4 * 6 * 3);
      first(pixels).forEach((value, c) => expect(Math.abs(value - rgb[c]!)).toBeLessThanOrEqual(1)); // rounded samples
      expect(new Set(pixels.filter((_value, i) => i % 3 === 0)).size).toBe(1); // borders are like the middle
    }
  });

  it("full range, ten and twelve bits mean the same colours", () => {
    const colours = { matrix: "bt709", fullRange: true };
    expect(first(planesToRgb(flat("I420", [255, 128, 128]), colours))).toEqual([255, 255, 255]);
    expect(first(planesToRgb(flat("I420", [100, 128, 128]), colours))).toEqual([100, 100, 100]);
    const limited = { matrix: "bt709", fullRange: false };
    const eight = planesToRgb(flat("I444", [63, 102, 240]), limited);
    expect(planesToRgb(flat("I420P10", [63 * 4, 102 * 4, 240 * 4], 10), limited)).toEqual(eight);
    expect(planesToRgb(flat("I422P12", [63 * 16, 102 * 16, 240 * 16], 12), limited)).toEqual(eight);
  });

  it("interleaved chroma is the same as two planes; paddings of rows are passed over", () => {
    const clip = Uint8Array.from({ length: 5 * 7 * 3 }, (_, i) => (i * 37) % 256);
    const planar = rgbToI420(clip, { height: 5, width: 7 }, "bt709");
    const layout = [
      { offset: 0, stride: 7 },
      { offset: 35, stride: 4 },
      { offset: 47, stride: 4 },
    ];
    const colours = { matrix: "bt709", fullRange: false };
    const wanted = planesToRgb({ format: "I420", height: 5, width: 7, bytes: planar, layout }, colours);
    const wide = new Uint8Array(5 * 9 + 3 * 10 + 3);
    for (let y = 0; y < 5; y++) wide.set(planar.subarray(7 * y, 7 * y + 7), 3 + 9 * y);
    for (let i = 0; i < 12; i++) {
      wide[48 + 10 * Math.floor(i / 4) + 2 * (i % 4)] = planar[35 + i]!;
      wide[49 + 10 * Math.floor(i / 4) + 2 * (i % 4)] = planar[47 + i]!;
    }
    const interleaved = [
      { offset: 3, stride: 9 },
      { offset: 48, stride: 10 },
    ];
    expect(planesToRgb({ format: "NV12", height: 5, width: 7, bytes: wide, layout: interleaved }, colours)).toEqual(
      wanted,
    );
  });

  it("packed formats keep their bytes, in order, transparent parts white", () => {
    const planes = { height: 1, width: 2, layout: [{ offset: 1, stride: 8 }] };
    const bytes = Uint8Array.from([9, 10, 20, 30, 0, 200, 100, 50, 128]);
    const colours = { matrix: null, fullRange: null };
    expect([...planesToRgb({ ...planes, format: "RGBX", bytes }, colours)]).toEqual([10, 20, 30, 200, 100, 50]);
    expect([...planesToRgb({ ...planes, format: "BGRX", bytes }, colours)]).toEqual([30, 20, 10, 50, 100, 200]);
    expect([...planesToRgb({ ...planes, format: "RGBA", bytes }, colours)]).toEqual([255, 255, 255, 227, 177, 152]);
  });

  it("knows what it reads", () => {
    for (const format of ["I420", "I422AP10", "I444P12", "NV12", "BGRA"]) expect(isReadable(format)).toBe(true);
    for (const format of [null, "NV21", "I410", "P010"]) expect(isReadable(format)).toBe(false);
  });
});

describe("RGB to planes", () => {
  it("flat colours come back, odd sizes too", () => {
    for (const matrix of ["bt709", "smpte170m"] as const) {
      for (const [height, width] of [
        [4, 6],
        [3, 5],
        [1, 1],
      ] as const) {
        const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => [200, 30, 60][i % 3]!);
        const bytes = rgbToI420(pixels, { height, width }, matrix);
        const [across, luma] = [(width + 1) >> 1, height * width];
        const layout = [
          { offset: 0, stride: width },
          { offset: luma, stride: across },
          { offset: luma + across * ((height + 1) >> 1), stride: across },
        ];
        expect(bytes).toHaveLength(luma + 2 * across * ((height + 1) >> 1));
        const back = planesToRgb({ format: "I420", height, width, bytes, layout }, { matrix, fullRange: false });
        back.forEach((value, i) => expect(Math.abs(value - pixels[i]!)).toBeLessThanOrEqual(2)); // rounded twice
      }
    }
  });
});

describe("turning", () => {
  const picture = {
    height: 2,
    width: 3,
    pixels: Uint8Array.from([1, 2, 3, 4, 5, 6].flatMap((value) => [value, 0, 0])),
  };
  const reds = ({ pixels }: { pixels: Uint8Array }): number[] => Array.from(pixels.filter((_, i) => i % 3 === 0));

  it.each([
    [0, false, 2, 3, [1, 2, 3, 4, 5, 6]],
    [90, false, 3, 2, [4, 1, 5, 2, 6, 3]],
    [180, false, 2, 3, [6, 5, 4, 3, 2, 1]],
    [270, false, 3, 2, [3, 6, 2, 5, 1, 4]],
    [0, true, 2, 3, [3, 2, 1, 6, 5, 4]],
    [90, true, 3, 2, [1, 4, 2, 5, 3, 6]],
  ] as const)("by %i degrees clockwise, mirrored: %s", (rotation, flip, height, width, wanted) => {
    const turned = turnPixels(picture, rotation, flip);
    expect([turned.height, turned.width, ...reds(turned)]).toEqual([height, width, ...wanted]);
  });
});
