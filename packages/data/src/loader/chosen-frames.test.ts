// A crop that is chosen before decoding gives the frames that decoding everything gives.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ClipSource, createRng } from "@noisereel/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { movingClip } from "../../test/helpers.js";
import {
  centerCropResize,
  createLoader,
  horizontalFlip,
  type Manifest,
  manifestSource,
  pipeline,
  readManifest,
  readVideo,
  selectFrames,
  temporalCrop,
  type TemporalCropOptions,
  videoFrames,
  writeManifest,
  writeVideo,
} from "../index.js";

let folder: string;
let manifest: Manifest;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-data-"));
  for (const [i, frames] of [21, 9, 30].entries()) {
    await writeVideo(path.join(folder, `${i}.mp4`), movingClip({ frames, height: 24, width: 32, hue: 70 * i }));
  }
  const { entries } = await readManifest(folder);
  const stated = entries.map((entry, i) => ({ ...entry, stated: { ...entry.stated, frames: [21, 9, 30][i] } }));
  await writeManifest(path.join(folder, "m.jsonl"), [
    ...stated,
    { ...entries[2]!, id: "range", start: 11, end: 28 },
    { ...entries[0]!, id: "unstated" },
  ]);
  manifest = await readManifest(path.join(folder, "m.jsonl"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** The source without its ability to decode some frames, and how often either way was taken. */
function counted(): { readonly choosing: ClipSource; readonly whole: ClipSource; readonly calls: string[] } {
  const source = manifestSource(manifest);
  const calls: string[] = [];
  const choosing = {
    ...source,
    get: (...args: Parameters<typeof source.get>) => (calls.push("whole"), source.get(...args)),
    getFrames: (...args: Parameters<typeof source.getFrames>) => (calls.push("some"), source.getFrames(...args)),
  };
  const { name, length } = source;
  return { choosing, whole: { name, length, get: (index, call) => source.get(index, call) }, calls };
}

test.each<TemporalCropOptions>([
  { frames: 5 },
  { frames: 4, sampleRate: 3 },
  { frames: 13, position: "middle" },
  { frames: 1 },
])("batches are the same as from whole clips: %o", async (crop) => {
  const transform = pipeline([temporalCrop(crop), centerCropResize(16), horizontalFlip()]);
  const { choosing, whole, calls } = counted();
  const options = { batchSize: 5, rng: createRng(2), transform, shuffle: false };
  for (let step = 0; step < 2; step++) {
    const some = await createLoader({ ...options, source: choosing }).load(step);
    expect(some).toEqual(await createLoader({ ...options, source: whole }).load(step));
  }
  expect(calls.filter((call) => call === "whole")).toHaveLength(2); // the entry that states no length, in both steps
  expect(calls.filter((call) => call === "some")).toHaveLength(8);
});

test("a frame rate of its own is chosen from the decoded clip", async () => {
  const { choosing, calls } = counted();
  const transform = pipeline([temporalCrop({ frames: 5, targetFps: 5 })]);
  await createLoader({ source: choosing, batchSize: 2, rng: createRng(2), transform }).load(0);
  expect(calls).toEqual(["whole", "whole"]);
});

test("a crop behind the end of a file that is shorter than stated is an error that says so", async () => {
  const [first] = manifest.entries;
  const wrong: Manifest = { ...manifest, entries: [{ ...first!, stated: { ...first!.stated, frames: 40 } }] };
  const choice = { indices: [18, 19, 20, 21, 22], rate: (fps: number) => fps };
  await expect(manifestSource(wrong).getFrames(0, choice)).rejects.toThrow(
    /has 21 of the 40 frames that the manifest states/,
  );
  await expect(manifestSource(wrong).getFrames(0, { indices: [30, 31], rate: (fps: number) => fps })).rejects.toThrow(
    /has no frame from 30/,
  );
});

test("only: frames in the order of the file, decoding ends with the last", async () => {
  const file = path.join(folder, "2.mp4");
  const whole = await readVideo(file, { start: 3 });
  const some = await readVideo(file, { start: 3, only: [0, 1, 5, 9, 10, 20] });
  expect(some).toEqual({ ...selectFrames(whole, [0, 1, 5, 9, 10, 20]), id: file });
  for (const only of [[], [2, 2], [3, 1], [-1], [0.5]]) {
    await expect(videoFrames(file, { only }).next(), String(only)).rejects.toThrow("only is [");
  }
  await expect(videoFrames(file, { end: 4, only: [4] }).next()).rejects.toThrow("below 4");
});
