// The experiments that train other denoisers on a run's autoencoder, shortened.
import { selectFrames } from "@noisereel/data";
import * as tf from "@tensorflow/tfjs";
import { copyFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runImageToVideo } from "../image-to-video.js";
import { openRun, runQuickstart } from "../index.js";
import { shippedManifest } from "../quickstart/config.js";
import { promptFollowingTable } from "../reports/prompt-following.js";
import { runPromptFollowing } from "../prompt-following.js";
import { shortConfig } from "./short-run.js";

let root: string;
let run: string;

beforeAll(async () => {
  await tf.setBackend("cpu");
  root = await mkdtemp(path.join(os.tmpdir(), "noisereel-variants-"));
  run = path.join(root, "quickstart");
  const stages = shortConfig.stages.map((stage) => ({ ...stage, steps: 2 }));
  const autoencoder = { ...shortConfig.autoencoder, steps: 2 };
  const manifest = path.join(root, "manifest.jsonl");
  const shipped = shippedManifest();
  const lines = (await readFile(shipped, "utf8")).split("\n").slice(0, 2);
  await writeFile(manifest, `${lines.join("\n")}\n`);
  for (const name of ["box.mp4", "campus.mp4"]) {
    await copyFile(path.join(path.dirname(shipped), name), path.join(root, name));
  }
  await runQuickstart({ folder: run, manifest, config: { ...shortConfig, stages, autoencoder } });
}, 300_000);
afterAll(() => rm(root, { recursive: true, force: true }));

it("samples every caption with each sampler, and with a flow trained on the same autoencoder", async () => {
  const folder = path.join(root, "prompts");
  const cases = [
    { name: "DDIM", sampler: "ddim", steps: 2 },
    { name: "flow Euler", sampler: "flowEuler", steps: 2 },
  ];
  const report = await runPromptFollowing({ run, folder, cases });
  expect(report.samplers.map(({ sampler, total }) => [sampler, total])).toEqual([
    ["ddim", 2],
    ["flowEuler", 2],
  ]);
  expect(promptFollowingTable(report).split("\n")).toHaveLength(4);
  const html = await readFile(path.join(folder, "report.html"), "utf8");
  const videos = [...html.matchAll(/<video[^>]* src="([^"]+)"/g)].map(([, file]) => file!);
  expect(videos).toHaveLength(2 * 3);
  for (const file of videos) expect((await stat(path.join(folder, file))).size).toBeGreaterThan(500);

  const weights = (of: string) => readFile(path.join(of, "models", "vae", "diffusion_pytorch_model.safetensors"));
  const flow = path.join(folder, "flow");
  expect(await weights(flow)).toEqual(await weights(run));
  const trained = await openRun(flow);
  try {
    expect(trained.samplers).toEqual(["flowEuler"]);
    await expect(trained.sample({ prompt: "a dog", seed: 0, sampler: "ddim" })).rejects.toThrow(
      /"ddim"; this run was trained for rectified-flow, use one of flowEuler/,
    );
  } finally {
    trained.dispose();
  }
}, 300_000);

it("trains a denoiser that takes given frames, windows and continuations", async () => {
  const folder = path.join(root, "images");
  const report = await runImageToVideo({ run, folder });
  expect(report.frames).toHaveLength(4);
  for (const { psnrWith, psnrWithout } of report.frames) {
    expect(Number.isFinite(psnrWith)).toBe(true);
    expect(psnrWith).not.toBe(psnrWithout); // two steps of training are enough for an influence, not for a better one
  }
  const trained = await openRun(path.join(folder, "model"));
  const plain = await openRun(run);
  try {
    expect([trained.readsFrames, plain.readsFrames]).toEqual([true, false]);
    const request = { prompt: "a dog", seed: 3, steps: 2 };
    const steps: string[] = [];
    const onStep = ({ index, count }: { index: number; count: number }) => void steps.push(`${index}/${count}`);
    const { clip, settings } = await trained.sample({ ...request, windows: 3, onStep });
    expect(clip.frames).toBe(9 + 2 * 4);
    expect(settings).toMatchObject({ windows: 3, overlap: 5, frames: 9 });
    expect(steps).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
    const { clip: one } = await trained.sample(request);
    expect(clip.pixels.slice(0, one.pixels.length)).toEqual(one.pixels);
    const { clip: continued } = await trained.sample({ ...request, known: selectFrames(clip, [12, 13, 14, 15, 16]) });
    expect(continued.pixels).not.toEqual(one.pixels);
    await expect(plain.sample({ ...request, windows: 2 })).rejects.toThrow(
      /windows is 2 .*programs\/image-to-video\.ts/,
    );
    await expect(plain.sample({ ...request, known: clip })).rejects.toThrow(/reads no given frames/);
  } finally {
    trained.dispose();
    plain.dispose();
  }
}, 300_000);
