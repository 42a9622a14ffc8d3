// Each measure on clips that are made to have, or not to have, what it looks for; then manifests with columns.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Clip, ClipError, createRng } from "@noisereel/core";
import { describe, expect, test } from "vitest";
import { movingClip, shippedClips, temporaryFolder } from "../../test/helpers.js";
import {
  type ClipScorer,
  clipFrames,
  type ColumnValue,
  createClip,
  differenceHash,
  findDuplicates,
  type FrameMeasure,
  frameMeasures,
  hashDistance,
  histogram,
  judgeEntries,
  type ManifestEntry,
  measureEntries,
  parseRequirement,
  readManifest,
  readVideo,
  resizeClip,
  writeVideo,
} from "../index.js";
import { analysisFrame } from "./analysis.js";
import { sampledFrames } from "./measure.js";

function measure(clip: Clip, name: string): Record<string, ColumnValue> {
  const running = (frameMeasures[name] as FrameMeasure).begin();
  for (const frame of clipFrames(clip)) running.add(analysisFrame(frame));
  return { ...running.end() };
}

type Paint = (t: number, y: number, x: number) => number;
/** A grey clip of 12 frames of 96×72. */
function painted(paint: Paint, frames = 12): Clip {
  const [height, width] = [72, 96];
  const pixels = new Uint8ClampedArray(frames * height * width * 3);
  let i = 0;
  for (let t = 0; t < frames; t++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) for (let c = 0; c < 3; c++) pixels[i++] = paint(t, y, x);
  return createClip(new Uint8Array(pixels.buffer), { id: "painted", height, width, fps: 10 });
}
/** Stripes that move two pixels a frame. */
const stripes: Paint = (t, y, x) => 128 + 90 * Math.sin((x + 2 * t + y / 3) / 5);

test("motion and repeated frames", () => {
  expect(
    measure(
      painted(() => 90),
      "motion",
    ),
  ).toEqual({ motion: 0, static_share: 1 });
  const moving = measure(painted(stripes), "motion");
  expect(moving["motion"]).toBeGreaterThan(0.05);
  expect(moving["static_share"]).toBe(0);
  const halting = measure(
    painted((t, y, x) => stripes(t >> 1, y, x)),
    "motion",
  );
  expect(halting["static_share"]).toBeCloseTo(6 / 11, 6);
  expect(measure(painted(stripes, 1), "motion")).toEqual({ motion: null, static_share: null });
});

test("exposure and sharpness", () => {
  const half = measure(
    painted((t) => (t < 6 ? 3 : 250)),
    "exposure",
  );
  expect(half).toMatchObject({ black_share: 0.5, white_share: 0.5 });
  expect(half["brightness"]).toBeCloseTo((3 + 250) / 2 / 255, 2);
  const fine = measure(
    painted((_, y, x) => ((x ^ y) & 1) * 200),
    "sharpness",
  )["sharpness"] as number;
  const soft = measure(painted(stripes), "sharpness")["sharpness"] as number;
  expect(fine).toBeGreaterThan(100 * soft);
});

test("bars are measured, dark pictures are not taken for bars", () => {
  const letterbox: Paint = (t, y, x) => (y < 9 || y >= 66 || x < 12 ? 2 : 40 + stripes(t, y, x));
  expect(measure(painted(letterbox), "border")).toEqual({
    border: 1 - (57 * 84) / (72 * 96),
    border_top: 9 / 72,
    border_bottom: 6 / 72,
    border_left: 12 / 96,
    border_right: 0,
  });
  expect(measure(painted(stripes), "border")["border"]).toBe(0);
  const brightLater: Paint = (t, y, x) => (t < 6 && y < 20 ? 0 : stripes(t, y, x));
  expect(measure(painted(brightLater), "border")["border_top"]).toBe(0);
  expect(
    measure(
      painted(() => 0),
      "border",
    )["border"],
  ).toBeNull();
});

/** A logo of bright strokes in the corner. */
const logo = (y: number, x: number): boolean =>
  y >= 52 && y < 64 && x >= 64 && x < 88 && ((x >> 1) + (y >> 2)) % 3 === 0;

test("an overlay is what stays while the rest moves", () => {
  const without = measure(painted(stripes), "overlay")["overlay"] as number;
  const opaque = measure(
    painted((t, y, x) => (logo(y, x) ? 255 : stripes(t, y, x))),
    "overlay",
  )["overlay"] as number;
  const faint: Paint = (t, y, x) => stripes(t, y, x) * 0.8 + (logo(y, x) ? 50 : 0);
  expect(without).toBe(0);
  expect(opaque).toBeGreaterThan(0.005);
  expect(measure(painted(faint), "overlay")["overlay"]).toBeGreaterThan(0.005);
  expect(
    measure(
      painted((_, y, x) => (logo(y, x) ? 255 : stripes(0, y, x))),
      "overlay",
    )["overlay"],
  ).toBeNull();
});

test("a logo is seen on real clips with a moving camera; for fixed ones nothing is said", async () => {
  for (const name of ["cockatoo", "plant"]) {
    const clip = await readVideo(path.join(shippedClips, `${name}.mp4`));
    const stamped = Uint8Array.from(clip.pixels);
    for (let i = 0; i < stamped.length; i += 3) {
      const [y, x] = [Math.floor(i / 3 / 256) % 256, (i / 3) % 256];
      if (y >= 200 && y < 230 && x >= 170 && x < 240 && ((x >> 2) + (y >> 3)) % 3 === 0) stamped.fill(255, i, i + 3);
    }
    expect(measure(clip, "overlay")["overlay"], name).toBeLessThan(0.004);
    expect(measure({ ...clip, pixels: stamped }, "overlay")["overlay"], name).toBeGreaterThan(0.008);
  }
  for (const name of ["campus", "cup"]) {
    const clip = await readVideo(path.join(shippedClips, `${name}.mp4`), { maxFrames: 40 });
    expect(measure(clip, "overlay")["overlay"], name).toBeNull();
  }
});

describe("duplicates", () => {
  test("hashes survive scaling and brightness and tell clips apart", async () => {
    const clip = await readVideo(path.join(shippedClips, "coin.mp4"));
    const small = await resizeClip(clip, { height: 90, width: 120 });
    const darker = { ...clip, pixels: clip.pixels.map((value) => value * 0.8) };
    const other = await readVideo(path.join(shippedClips, "box.mp4"));
    const hash = (of: Clip): string => measure(of, "hash")["dhash"] as string;
    const all = [clip, other, small, darker].map(hash);
    for (const digits of all) expect(digits).toMatch(/^[0-9a-f]{48}$/);
    expect(findDuplicates(all, { distance: 16 })).toEqual([undefined, undefined, 0, 0]);
    expect(differenceHash({ grey: new Uint8Array(72).fill(9), height: 8, width: 9 })).toBe("0000000000000000");
  });

  test("the quick search finds what comparing all pairs finds", () => {
    const rng = createRng(5);
    const random = (): string => Array.from({ length: 48 }, () => rng.integer(16).toString(16)).join("");
    const hashes: string[] = [];
    for (let i = 0; i < 200; i++) {
      if (i < 100) hashes.push(random());
      else {
        const digits = hashes[rng.integer(100)]!.split("");
        for (let n = 0; n < rng.integer(12); n++) digits[rng.integer(48)] = rng.integer(16).toString(16);
        hashes.push(digits.join(""));
      }
    }
    const firsts: number[] = [];
    const slow = hashes.map((hash, i) => {
      const twin = firsts.find((j) => hashDistance(hashes[j]!, hash) <= 10);
      if (twin === undefined) firsts.push(i);
      return twin;
    });
    expect(findDuplicates(hashes)).toEqual(slow);
    expect(slow.filter((twin) => twin !== undefined).length).toBeGreaterThan(20);
    expect(findDuplicates([null, undefined])).toEqual([undefined, undefined]);
    expect(() => findDuplicates([], { distance: 48 })).toThrow("distance is 48");
  });
});

test("frames are sampled evenly from a stream of any length", async () => {
  for (const length of [1, 2, 5, 31, 64, 200]) {
    const frames = [...clipFrames(movingClip({ frames: length, height: 2, width: 2 }))];
    const indices = (await sampledFrames(frames as unknown as AsyncIterable<(typeof frames)[number]>, 3)).map(
      ({ index }) => index,
    );
    expect(indices.length).toBe(Math.min(3, length));
    expect(indices[0]).toBe(0);
    expect(indices.at(-1)!).toBeGreaterThan(0.7 * (length - 1) - 1);
  }
  await expect(sampledFrames([] as unknown as AsyncIterable<never>, 0)).rejects.toThrow("frames is 0");
});

async function measuredFolder(): Promise<readonly ManifestEntry[]> {
  const folder = await temporaryFolder();
  const clip = movingClip({ frames: 9, height: 16, width: 16 });
  await writeVideo(path.join(folder, "a.mp4"), clip);
  await writeVideo(path.join(folder, "b.webp"), clip);
  await writeVideo(path.join(folder, "c.mp4"), painted(stripes));
  await writeFile(path.join(folder, "d.mp4"), "nonsense");
  return (await readManifest(folder)).entries.map((entry) => ({
    ...entry,
    type: "video" as const,
    captions: ["a square"],
  }));
}

test("entries get columns, duplicates and reasons; none is lost, and a second run keeps what is there", async () => {
  const entries = await measuredFolder();
  const seen: [number, Clip][] = [];
  const scorer: ClipScorer = {
    name: "length of the caption",
    columns: ["caption_length"],
    frames: 2,
    score(clip) {
      seen.push([clip.frames, clip]);
      return { caption_length: clip.caption?.length ?? null };
    },
  };
  const measured = await measureEntries(entries, { scorers: [scorer] });
  expect(measured.map(({ id }) => id)).toEqual(entries.map(({ id }) => id));
  expect(measured[0]!.columns).toMatchObject({ static_share: 0, caption_length: 8 });
  expect(measured[1]!.columns["duplicate_of"]).toBe("a.mp4");
  expect(measured[2]!.columns["duplicate_of"]).toBeUndefined();
  expect(measured[3]!.columns).toEqual({ unreadable: expect.stringMatching(/d\.mp4/) as string });
  expect(seen.map(([frames]) => frames)).toEqual([2, 2, 2]);
  const again = await measureEntries(measured.slice(0, 3), { scorers: [scorer] });
  expect(again).toEqual(measured.slice(0, 3));
  expect(seen.length).toBe(3); // nothing was measured twice
  await expect(measureEntries([], { scorers: [scorer, scorer] })).rejects.toThrow(
    "caption_length is given by two measures",
  );
  const broken: ClipScorer = {
    ...scorer,
    score: () => {
      throw new ClipError("too dark for the model");
    },
  };
  expect((await measureEntries(entries.slice(0, 1), { scorers: [broken] }))[0]!.columns).toEqual({
    unreadable: "too dark for the model",
  });
});

test("an abort ends measuring", async () => {
  const entries = await measuredFolder();
  const controller = new AbortController();
  controller.abort();
  await expect(measureEntries(entries, { signal: controller.signal })).rejects.toThrow("abort");
});

describe("requirements", () => {
  const entry = (columns: Record<string, unknown>): ManifestEntry => ({
    id: "x",
    path: "x.mp4",
    part: undefined,
    member: undefined,
    captions: [],
    captionSources: [],
    type: "video",
    start: undefined,
    end: undefined,
    stated: { frames: 17, fps: undefined, width: undefined, height: undefined, seconds: undefined, sha256: undefined },
    tags: [],
    columns,
    line: 1,
  });

  test.each<[string, Record<string, unknown>, boolean | undefined]>([
    ["motion >= 0.5", { motion: 0.5 }, true],
    ["motion>0.5", { motion: 0.5 }, false],
    ["motion < 1", { motion: null }, undefined],
    ["frames >= 17", {}, true],
    ["licence = MIT", { licence: "MIT" }, true],
    ["licence != MIT", { licence: "MIT" }, false],
    ["good == true", { good: true }, true],
    ["no duplicate_of", { duplicate_of: "y" }, false],
    ["no duplicate_of", {}, true],
  ])("%s of %j", (text, columns, expected) => {
    expect(parseRequirement(text).holds(entry(columns))).toBe(expected);
  });

  test("judgement is written beside, and counts what it cannot say", () => {
    const list = [
      entry({ motion: 0.1, overlay: null }),
      entry({ motion: 0.5, overlay: 0.1 }),
      entry({ motion: 0.6, unreadable: "cut short" }),
    ];
    const { entries, kept, requirements } = judgeEntries(list, ["motion >= 0.3", "overlay < 0.05"]);
    expect(kept).toBe(0);
    expect(entries.map(({ columns }) => [columns["keep"], columns["failed"]])).toEqual([
      [false, "motion >= 0.3"],
      [false, "overlay < 0.05"],
      [false, "it can be read"],
    ]);
    expect(requirements).toEqual([
      { text: "motion >= 0.3", failed: 1, unknown: 0 },
      { text: "overlay < 0.05", failed: 1, unknown: 2 },
    ]);
    expect(judgeEntries(entries, ["motion >= 0.3"]).entries[1]!.columns).toEqual({
      motion: 0.5,
      overlay: 0.1,
      keep: true,
    });
    expect(() => judgeEntries(list, ["sharpness > 1"])).toThrow("no clip has the column sharpness");
    expect(() => parseRequirement("sharp")).toThrow('"sharp" is no requirement');
    expect(() => parseRequirement("a > b")).toThrow("which is no number");
  });
});

test("histograms", () => {
  expect(histogram([3, 1, 2, null, "x", 5], { bins: 2 })).toEqual({
    edges: [1, 3, 5],
    counts: [2, 2],
    mean: 2.75,
    minimum: 1,
    maximum: 5,
    quantiles: { p05: 1.15, p25: 1.75, p50: 2.5, p75: 3.5, p95: expect.closeTo(4.7, 10) as number },
  });
  expect(histogram([7, 7])!.counts[0]).toBe(2);
  expect(histogram([])).toBeUndefined();
  expect(() => histogram([1], { bins: 0 })).toThrow("bins is 0");
});
