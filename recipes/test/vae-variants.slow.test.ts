import * as tf from "@tensorflow/tfjs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { RecipeEvent } from "../run/events.js";
import { shippedManifest } from "../quickstart/config.js";
import { runVaeVariants, variantsConfig } from "../vae-variants.js";

let folder: string;
beforeAll(() => tf.setBackend("cpu"));
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "vae-variants-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("trains both structures, measures them, and goes on where it was stopped", async () => {
  const shipped = shippedManifest();
  const line = (await readFile(shipped, "utf8")).split("\n").find((text) => text.includes('"race.mp4"'))!;
  await copyFile(path.join(path.dirname(shipped), "race.mp4"), path.join(folder, "race.mp4"));
  await writeFile(path.join(folder, "manifest.jsonl"), `${line}\n`);
  const events: RecipeEvent[] = [];
  const options = {
    folder: path.join(folder, "report"),
    manifest: path.join(folder, "manifest.jsonl"),
    config: {
      ...variantsConfig,
      seeds: [3],
      size: 16,
      model: { hidden_size: 8, hidden_size_mult: [1, 1, 1, 1], num_res_blocks: 1, norm_num_groups: 4 },
      image: { frames: 2, steps: 3, learningRate: 1e-3, warmUpSteps: 1 },
      video: { frames: 5, steps: 3, learningRate: 1e-3, warmUpSteps: 1 },
      measuredFrames: 53,
    },
    onEvent: (event: RecipeEvent) => events.push(event),
  };
  // Stopped in the middle of the first training.
  const controller = new AbortController();
  const stopped = runVaeVariants({
    ...options,
    signal: controller.signal,
    onEvent: (event) => event.type === "phase-progress" && event.done === 2 && controller.abort(new Error("enough")),
  });
  await expect(stopped).rejects.toThrow("enough");

  const report = await runVaeVariants(options);
  expect(events).toContainEqual(expect.objectContaining({ type: "phase-start", phase: "image-3", done: 2 }));
  expect(report.results.map(({ variant, seed }) => `${variant} ${seed}`)).toEqual(["released 3", "per-frame 3"]);
  expect(report.images.map(({ psnrByFrame }) => psnrByFrame.length)).toEqual([53]);
  for (const { start, losses, whole, heldOut } of report.results) {
    expect(start.psnr).not.toBe(whole.psnr);
    expect(losses).toHaveLength(3);
    expect(whole.psnrByFrame).toHaveLength(53);
    expect(heldOut.psnrByFrame).toHaveLength(5);
    expect(whole.psnrByFrame.every(Number.isFinite)).toBe(true);
    expect(Number.isFinite(whole.change.kept)).toBe(true);
  }
  // The same weights and clips in both, other networks.
  expect(report.results[0]!.losses[0]).not.toBe(report.results[1]!.losses[0]);

  events.length = 0;
  const again = await runVaeVariants(options);
  expect(again.results).toEqual(report.results);
  expect(events.every((event) => event.type === "phase-end" && event.skipped)).toBe(true);
  expect(await readFile(path.join(options.folder, "loss.svg"), "utf8")).toMatch(/^<svg[^>]+xmlns=.*<path/s);
  expect(await readFile(path.join(options.folder, "report.html"), "utf8")).toContain("released, 3");
});
