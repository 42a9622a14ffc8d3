import { createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { movingClip, movingSource } from "../test/helpers.js";
import { centerCropResize, framePixels, makeExample } from "./index.js";

const video = movingClip({ frames: 17, height: 8, width: 8 });

test("no stills by default", async () => {
  expect(await makeExample(video, createRng(0))).toEqual({ video, stills: [] });
});

test("stills of the clip: evenly spaced, with its caption", async () => {
  const { stills } = await makeExample(video, createRng(0), { stills: { source: "clip-frames", count: 4 } });
  expect(stills.map(({ id }) => id)).toEqual(["moving/0", "moving/5", "moving/10", "moving/16"]);
  for (const [i, index] of [0, 5, 10, 16].entries()) {
    expect(stills[i]).toMatchObject({ frames: 1, caption: video.caption });
    expect(stills[i]!.pixels).toEqual(framePixels(video, index));
  }
});

test("drawn stills depend on the generator alone", async () => {
  const stills = { source: "clip-frames", count: 6, policy: "random" } as const;
  const ids = async (seed: number) =>
    (await makeExample(video, createRng(seed), { stills })).stills.map(({ id }) => id);
  expect(await ids(1)).toEqual(await ids(1));
  expect(await ids(1)).not.toEqual(await ids(2));
});

test("independent images keep their own captions and must have the size of the clip", async () => {
  const images = movingSource(20, { frames: 3, height: 12, width: 16 });
  const options = { source: images, count: 3, transform: centerCropResize(8) };
  const { stills } = await makeExample(video, createRng(3), { stills: options });
  expect(stills.length).toBe(3);
  for (const still of stills) {
    expect(still).toMatchObject({ frames: 1, height: 8, width: 8 });
    expect(still.caption).toContain(still.id);
  }
  const wrong = makeExample(video, createRng(3), { stills: { source: images, count: 1 } });
  await expect(wrong).rejects.toThrow(/still clip-\d+ is 1 frames of 16x12, but clip moving is 8x8/);
});

test("illegal counts name the argument", async () => {
  const stills = { source: "clip-frames", count: 18 } as const;
  await expect(makeExample(video, createRng(0), { stills })).rejects.toThrow("count is 18; use 1 to 17");
  await expect(makeExample(video, createRng(0), { stills: { ...stills, count: 1.5 } })).rejects.toThrow("count is 1.5");
});
