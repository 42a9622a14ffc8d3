import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  centerRectangle,
  contentScore,
  createResampler,
  cropRange,
  flashFilter,
  frameIndices,
  rgbToHsv8,
  sceneChunks,
  stillIndices,
  toUint8,
} from "../src/index.js";

interface Golden {
  frame_indices: {
    total: number;
    num_frames: number;
    sample_rate: number;
    size: number;
    max_begin_inclusive: number;
    begin: number;
    indices: number[];
  }[];
  image_indices_from_clip: { num_frames: number; use_image_num: number; indices: number[] }[];
  center_crop_resize: {
    cases: {
      h: number;
      w: number;
      size: number;
      crop_hw: [number, number];
      crop_first_row: number[];
      out: number[][];
    }[];
  };
  decode_to_uint8: { x: number[]; pipeline: number[]; train_validation: number[] };
  rgb_to_hsv8: { rgb: number[]; hsv: number[] }[];
  content_score: { pairs: { p: [number, number]; components_hsv: number[]; content_val: number }[] };
  flash_filter_merge: { name: string; above_frames: number[]; total: number; min_scene_len: number; cuts: number[] }[];
  panda_chunks: { fps: number; scene_ends: number[]; chunks: [number, number][] }[];
}

const file = new URL("goldens/golden-data-pipeline.json", import.meta.url);
const golden = JSON.parse(readFileSync(file, "utf8")) as Golden;

describe("frame_indices", () => {
  test.each(golden.frame_indices)("$total frames, $num_frames wanted at rate $sample_rate from $begin", (item) => {
    const options = { total: item.total, frames: item.num_frames, sampleRate: item.sample_rate };
    expect(cropRange({ ...options, compat: true })).toEqual({ size: item.size, maxBegin: item.max_begin_inclusive });
    expect(frameIndices({ ...options, begin: item.begin })).toEqual(item.indices);
  });
});

test.each(golden.image_indices_from_clip)("image_indices_from_clip: $use_image_num of $num_frames", (item) => {
  expect(stillIndices({ frames: item.num_frames, count: item.use_image_num })).toEqual(item.indices);
});

test.each(golden.center_crop_resize.cases)("center_crop_resize: $h x $w to $size", ({ h, w, size, ...expected }) => {
  const to = { height: size, width: size };
  const from = centerRectangle({ height: h, width: w }, to);
  expect([from.height, from.width]).toEqual(expected.crop_hw);
  const bytes = Array.from({ length: from.height * from.width }, (_, i) => {
    const y = from.top + Math.floor(i / from.width);
    const x = from.left + (i % from.width);
    return (37 * y + 91 * x + x * y) % 256;
  });
  expect(bytes.slice(0, from.width)).toEqual(expected.crop_first_row);
  const input = bytes.map((byte) => byte / 255);
  const output = createResampler({ from, to, channels: 1 })(input);
  // float32 sums in another order, and goldens printed with 7 digits: below 1e-6.
  expected.out.flat().forEach((value, i) => expect(Math.abs(output[i]! - value)).toBeLessThan(1e-6));
  expect(output.length).toBe(size * size);
});

test("decode_to_uint8: rounding like the trainer, truncating like the pipeline", () => {
  const { x, pipeline, train_validation: rounded } = golden.decode_to_uint8;
  expect(x.map((value) => toUint8(value))).toEqual(rounded);
  expect(x.map((value) => toUint8(value, "truncate"))).toEqual(pipeline);
});

test.each(golden.rgb_to_hsv8)("rgb_to_hsv8: $rgb", ({ rgb, hsv }) => {
  expect([...rgbToHsv8(Uint8Array.from(rgb))]).toEqual(hsv);
});

test.each(golden.content_score.pairs)(
  "content_score: frames $p",
  ({ p, components_hsv: parts, content_val: score }) => {
    const frame = (index: number): Uint8Array => {
      const rgb = Array.from({ length: 12 * 16 }, (_, i) => {
        const y = Math.floor(i / 16);
        const x = i % 16;
        return [3 * x + 5 * y + 17 * index, 7 * x + 2 * y + 91 * index, 11 * x + y + 40 * index].map((v) => v % 256);
      });
      return rgbToHsv8(Uint8Array.from(rgb.flat()));
    };
    const result = contentScore(frame(p[0]), frame(p[1]));
    // Sums of integers divided once: exact up to the last bit of a double.
    expect(result.hue).toBeCloseTo(parts[0]!, 10);
    expect(result.saturation).toBeCloseTo(parts[1]!, 10);
    expect(result.value).toBeCloseTo(parts[2]!, 10);
    expect(result.score).toBeCloseTo(score, 10);
  },
);

test.each(golden.flash_filter_merge)("flash_filter_merge: $name", (item) => {
  const filter = flashFilter({ minSceneFrames: item.min_scene_len });
  const cuts: number[] = [];
  for (let frame = 0; frame < item.total; frame++) {
    const cut = filter.next(frame, item.above_frames.includes(frame));
    if (cut !== undefined) cuts.push(cut);
  }
  expect(cuts).toEqual(item.cuts);
});

test.each(golden.panda_chunks)("panda_chunks: $scene_ends at $fps", ({ fps, scene_ends: ends, chunks }) => {
  expect(sceneChunks(ends, { fps }).map(({ start, end }) => [start, end])).toEqual(chunks);
});
