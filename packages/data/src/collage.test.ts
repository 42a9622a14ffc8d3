import { expect, test } from "vitest";
import { movingClip } from "../test/helpers.js";
import { contactSheet, framePixels, sideBySide, tileClips } from "./index.js";

const a = movingClip({ frames: 5, height: 12, width: 16, id: "a", fps: 8 });
const b = movingClip({ frames: 3, height: 8, width: 16, id: "b", hue: 60 });
const pixelAt = (frame: Uint8Array, width: number, y: number, x: number): number[] => [
  ...frame.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];

test("tiles keep their pixels, smaller clips sit in the middle, shorter ones hold their last frame", async () => {
  const tiles = await tileClips([a, b, a], { columns: 2, gap: 2, background: [1, 2, 3] });
  expect([tiles.frames, tiles.width, tiles.height, tiles.fps]).toEqual([5, 2 + 18 + 18, 2 + 14 + 14, 8]);
  const last = framePixels(tiles, 4);
  expect(pixelAt(last, 38, 0, 0)).toEqual([1, 2, 3]);
  expect(pixelAt(last, 38, 2, 2)).toEqual(pixelAt(framePixels(a, 4), 16, 0, 0));
  expect(pixelAt(last, 38, 2, 20)).toEqual([1, 2, 3]); // above the lower clip
  expect(pixelAt(last, 38, 4, 20)).toEqual(pixelAt(framePixels(b, 2), 16, 0, 0));
  const looped = await tileClips([a, b], { columns: 2, gap: 2, ending: "loop" });
  expect(pixelAt(framePixels(looped, 4), 38, 4, 20)).toEqual(pixelAt(framePixels(b, 1), 16, 0, 0));
});

test("the result can always be written as a video: its size is even", async () => {
  const odd = movingClip({ frames: 1, height: 7, width: 9 });
  const tiles = await tileClips([odd], { gap: 0 });
  expect([tiles.height, tiles.width]).toEqual([8, 10]);
});

test("labels take a strip of their own, whatever they contain", async () => {
  const wide = movingClip({ frames: 2, height: 16, width: 160 });
  const labelled = await sideBySide(wide, wide, {
    labels: ["original <&>", "\u0000 a very long text".repeat(9)],
    gap: 2,
  });
  expect([labelled.width, labelled.height]).toEqual([326, 2 + 24 + 16 + 2]);
  expect(pixelAt(framePixels(labelled, 0), 326, 26, 2)).toEqual(pixelAt(framePixels(wide, 0), 160, 0, 0));
  await expect(tileClips([a], { labels: [] })).rejects.toThrow("labels has 0 texts for 1 clips");
});

test("a contact sheet shows first and last frames; height scales", async () => {
  const sheet = await contactSheet(a, { count: 3, gap: 0 });
  expect([sheet.id, sheet.frames, sheet.width, sheet.height]).toEqual(["a-sheet", 1, 48, 12]);
  expect(pixelAt(sheet.pixels, 48, 5, 40)).toEqual(pixelAt(framePixels(a, 4), 16, 5, 8));
  expect((await contactSheet(b)).width).toBe(3 * 20 + 4);
  expect((await contactSheet(a, { count: 2, height: 24, gap: 0 })).width).toBe(64);
  await expect(tileClips([])).rejects.toThrow("clips is empty");
  await expect(tileClips([a], { columns: 0 })).rejects.toThrow("columns is 0");
});
