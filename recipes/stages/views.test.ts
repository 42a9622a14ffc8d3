import { type Clip, createRng } from "@noisereel/core";
import { centerCropResize, temporalCrop } from "@noisereel/data";
import { expect, test } from "vitest";
import { viewOf } from "./views.js";

/** Brightness rises from left to right, and with each frame. */
function slope(caption: string): Clip {
  const [frames, height, width] = [9, 32, 48];
  const pixels = Uint8Array.from({ length: frames * height * width * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return 3 * (pixel % width) + 8 * Math.floor(pixel / (height * width));
  });
  return { id: "slope", pixels, frames, height, width, fps: 8, caption };
}

const shape = { frames: 5, height: 16, width: 16 };
const view = (clip: Clip, index: number): Promise<Clip> =>
  viewOf(clip, { shape, sampleRate: 1, index, rng: createRng(3) });

test("view 0 is the first frames, cropped in the middle", async () => {
  const clip = slope("a slope");
  const rng = createRng(0);
  const expected = await centerCropResize(shape)(await temporalCrop({ frames: 5, position: "start" })(clip, rng), rng);
  expect(await view(clip, 0)).toEqual(expected);
});

test("other views differ, keep the shape, and are the same each time", async () => {
  const clip = slope("a slope");
  const views = await Promise.all([1, 2, 3, 4, 5, 6].map((index) => view(clip, index)));
  for (const { frames, height, width, caption } of views) {
    expect({ frames, height, width, caption }).toEqual({ ...shape, caption: "a slope" });
  }
  expect(new Set(views.map(({ pixels }) => Buffer.from(pixels).toString("hex"))).size).toBe(6);
  expect(await view(clip, 3)).toEqual(views[2]);
});

test("some views are mirrored, but none whose caption speaks of a side", async () => {
  const rises = ({ pixels }: Clip): boolean => pixels[0]! < pixels[45]!; // the ends of the first row
  const indices = Array.from({ length: 12 }, (_, index) => index + 1);
  const free = await Promise.all(indices.map(async (index) => rises(await view(slope("a slope"), index))));
  expect(new Set(free)).toEqual(new Set([true, false]));
  const bound = await Promise.all(
    indices.map(async (index) => rises(await view(slope("it rises to the right"), index))),
  );
  expect(bound).not.toContain(false);
});
