import * as tf from "@tensorflow/tfjs";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { RecipeEvent } from "../run/events.js";
import { shippedManifest } from "../quickstart/config.js";
import { initialisationConfig, runVaeInitialisation } from "../vae-initialisation.js";

let folder: string;
beforeAll(() => tf.setBackend("cpu"));
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "vae-initialisation-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("trains from three starts and writes figures; tail keeps the movement that center loses", async () => {
  const shipped = shippedManifest();
  const line = (await readFile(shipped, "utf8")).split("\n").find((text) => text.includes('"race.mp4"'))!;
  await copyFile(path.join(path.dirname(shipped), "race.mp4"), path.join(folder, "race.mp4"));
  await writeFile(path.join(folder, "manifest.jsonl"), `${line}\n`);
  const events: RecipeEvent[] = [];
  const report = await runVaeInitialisation({
    folder: path.join(folder, "report"),
    manifest: path.join(folder, "manifest.jsonl"),
    config: {
      ...initialisationConfig,
      size: 16,
      model: { hidden_size: 8, hidden_size_mult: [1, 1, 1, 1], num_res_blocks: 1, norm_num_groups: 4 },
      image: { frames: 2, steps: 2, learningRate: 1e-3, warmUpSteps: 1 },
      video: { frames: 5, steps: 2, learningRate: 1e-3, warmUpSteps: 1 },
      measuredFrames: 17,
    },
    onEvent: (event) => events.push(event),
  });
  expect(report.results.map(({ init }) => init)).toEqual(["tail", "center", "average"]);
  for (const { before, after, losses } of report.results) {
    expect(before.psnrByFrame).toHaveLength(17);
    expect(after.psnrByFrame.every(Number.isFinite)).toBe(true);
    expect(losses).toHaveLength(2);
  }
  const [tail, center] = report.results.map(({ before }) => before.movement);
  expect(tail).toBeGreaterThan(center!);
  const ended = events.flatMap((event) => (event.type === "phase-end" ? [event.phase] : []));
  expect(ended.filter((phase) => /^(image|tail|center|average)$/.test(phase))).toHaveLength(4);
  expect(await readdir(path.join(folder, "report"))).toEqual(
    expect.arrayContaining(["loss.svg", "psnr.svg", "report.html", "report.json"]),
  );
  expect(await readFile(path.join(folder, "report", "psnr.svg"), "utf8")).toMatch(/^<svg[^>]+xmlns=.*<path/s);
});
