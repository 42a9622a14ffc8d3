// The clips that ship with the repository, read as a user reads any manifest.
import { stat } from "node:fs/promises";
import path from "node:path";
import { createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { centerCropResize, manifestSource, readManifest } from "../src/index.js";
import { shippedClips } from "./helpers.js";

test("every shipped clip is what the manifest states, has a caption, and they are small together", async () => {
  const manifest = await readManifest(path.join(shippedClips, "manifest.jsonl"), { uncaptioned: "error" });
  expect(manifest.entries.length).toBeGreaterThanOrEqual(7);
  const source = manifestSource(manifest, { verify: true });
  let bytes = 0;
  for (const [index, entry] of manifest.entries.entries()) {
    const clip = await source.get(index);
    expect([clip.frames, clip.height, clip.width], entry.id).toEqual([
      entry.stated.frames,
      entry.stated.height,
      entry.stated.width,
    ]);
    expect((clip.frames - 1) % 4, entry.id).toBe(0);
    expect(Math.abs(clip.fps - entry.stated.fps!), entry.id).toBeLessThan(0.05);
    bytes += (await stat(entry.path)).size;
  }
  expect(bytes).toBeLessThan(8e6);
});

test("the shipped clips differ in their mean pictures", async () => {
  const source = manifestSource(await readManifest(path.join(shippedClips, "manifest.jsonl")));
  const means: Float64Array[] = [];
  for (let index = 0; index < source.length; index++) {
    const clip = await centerCropResize(32)(await source.get(index), createRng(0));
    const mean = new Float64Array(32 * 32 * 3);
    clip.pixels.forEach((value, i) => (mean[i % mean.length]! += value / clip.frames));
    means.push(mean);
  }
  means.forEach((a, i) =>
    means.slice(i + 1).forEach((b, j) => expect(correlation(a, b), `${i} and ${i + 1 + j}`).toBeLessThan(0.6)),
  );
});

function correlation(a: Float64Array, b: Float64Array): number {
  const average = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanA = average(a);
  const meanB = average(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((value, i) => {
    ab += (value - meanA) * (b[i]! - meanB);
    aa += (value - meanA) ** 2;
    bb += (b[i]! - meanB) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}
