// The package's own sources and transforms against the contract suites.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describeClipSource, describeClipTransform } from "@noisereel/testing";
import { createRng } from "@noisereel/core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import {
  centerCropResize,
  clipSource,
  horizontalFlip,
  inMemory,
  manifestSource,
  pipeline,
  randomCrop,
  readManifest,
  subset,
  temporalCrop,
  transformedSource,
  writeVideo,
} from "../src/index.js";
import { movingClip, movingSource } from "./helpers.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "noisereel-data-contract-"));
  for (const [i, name] of ["a.mp4", "b.webp"].entries()) {
    await writeVideo(path.join(folder, name), movingClip({ frames: 5, height: 16, width: 16, hue: 60 * i }));
  }
  await writeFile(path.join(folder, "c.mp4"), "no video");
});
afterAll(() => rm(folder, { recursive: true }));

const suite = { describe, it };
const fromManifest = async () => manifestSource(await readManifest(folder));

describeClipSource("manifestSource", fromManifest, { ...suite, broken: 2 });
describeClipSource("inMemory", async () => inMemory(await fromManifest()), { ...suite, broken: 2 });
describeClipSource("clipSource", () => clipSource([movingClip({ frames: 3, height: 4, width: 4 })]), suite);
describeClipSource("subset", () => subset(movingSource(5), [4, 1]), suite);
describeClipSource(
  "transformedSource",
  () => transformedSource(movingSource(3), temporalCrop({ frames: 3 }), createRng(1)),
  suite,
);
describeClipTransform("temporalCrop", () => temporalCrop({ frames: 5 }), suite);
describeClipTransform("centerCropResize", () => centerCropResize(16), suite);
describeClipTransform("randomCrop", () => randomCrop({ height: 8, width: 12 }), suite);
describeClipTransform("horizontalFlip", () => horizontalFlip(), suite);
describeClipTransform("pipeline", () => pipeline([temporalCrop({ frames: 3 }), centerCropResize(8)]), suite);
