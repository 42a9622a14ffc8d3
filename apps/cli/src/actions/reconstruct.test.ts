import { CausalVae, causalConfig, savePretrained } from "@noisereel/causal-vae";
import { type Clip, createRng, initialize } from "@noisereel/core";
import { readAnimation, readVideo, writeVideo } from "@noisereel/data";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { fakeContext } from "../../test/fakes.js";
import { runCommandLine } from "../command-line.js";

let models = "";
let folder = "";
const inside = (...parts: string[]): string => path.join(folder, ...parts);

beforeAll(async () => {
  models = await mkdtemp(path.join(os.tmpdir(), "noisereel-vae-"));
  const narrow = { hidden_size: 8, hidden_size_mult: [1, 1, 1, 1], num_res_blocks: 1, norm_num_groups: 4 };
  const vae = new CausalVae(causalConfig(narrow));
  initialize(vae, createRng(5));
  await savePretrained(vae, path.join(models, "vae"));
  vae.dispose();
});
afterAll(() => rm(models, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "noisereel-reconstruct-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A clip of an illegal size and length: 6 frames of 76 x 22. */
async function writeInput(): Promise<string> {
  const size = { frames: 6, height: 22, width: 76 };
  const pixels = Uint8Array.from({ length: 6 * 22 * 76 * 3 }, (_, place) => (place * 7) % 251);
  const clip: Clip = { id: "in", pixels, ...size, fps: 8 };
  await writeVideo(inside("in.webp"), clip);
  return inside("in.webp");
}

it("keeps any length and size, and writes figures, both videos side by side and their difference", async () => {
  const context = fakeContext({});
  const input = await writeInput();
  const video = inside("in.mp4");
  await writeVideo(video, { ...(await readAnimation(input)), id: "in" });
  const out = inside("new", "out.mp4");
  const args = ["reconstruct", video, "--out", out, "--vae", path.join(models, "vae")];
  const views = ["--side-by-side", "--difference", inside("map.mp4"), "--memory-limit", "2G"];
  expect(await runCommandLine([...args, ...views], context)).toBe(0);
  expect(context.terminal.printed).toEqual([expect.stringMatching(/out\.mp4: 6 frames of 76x22, PSNR \d+\.\d\d dB/)]);
  expect(context.terminal.noted.some((line) => line.startsWith("✓ Decoding"))).toBe(true);
  expect(await readVideo(out)).toMatchObject({ frames: 6, height: 22, width: 152, fps: 8 });
  expect(await readVideo(inside("map.mp4"))).toMatchObject({ frames: 6, height: 22, width: 76 });
  const metrics = JSON.parse(await readFile(inside("new", "out.json"), "utf8")) as Record<string, unknown>;
  expect(metrics).toMatchObject({ frames: 6, time: "streamed", tileSize: 1024 });
  const psnr = metrics["psnrByFrame"] as number[];
  expect(psnr).toHaveLength(6);
  expect(metrics["psnr"]).toBeCloseTo(psnr.reduce((sum, value) => sum + value, 0) / 6, 9);
});

it.each([
  [["nowhere.mp4", "--out", "x.mp4"], /nowhere\.mp4 does not exist/],
  [["nowhere.mp4", "--out", "x.txt"], /--out x\.txt ends in "\.txt"; use one of/],
  [["nowhere.mp4", "--out", "x.mp4", "--difference", "y.doc"], /--difference y\.doc ends in/],
])("refuses %j before any work", async (args, sentence) => {
  const context = fakeContext({});
  expect(await runCommandLine(["reconstruct", ...args], context)).toBe(1);
  expect(context.terminal.noted).toEqual([expect.stringMatching(sentence)]);
});

it("refuses one file named twice, two autoencoders and too little memory", async () => {
  const input = await writeInput();
  const vae = path.join(models, "vae");
  const refusal = async (...args: string[]): Promise<string> => {
    const context = fakeContext({});
    expect(await runCommandLine(["reconstruct", input, "--out", inside("o.webp"), ...args], context)).not.toBe(0);
    expect(context.terminal.printed).toEqual([]);
    return context.terminal.noted.at(-1)!;
  };
  expect(await refusal("--difference", inside("o.webp"))).toMatch(/o\.webp is named twice/);
  expect(await refusal("--vae", vae, "--run", "r")).toMatch(/--vae and --run both name an autoencoder/);
  expect(await refusal("--vae", vae, "--memory-limit", "much")).toMatch(/Use a size such as 800M or 2G/);
  expect(await readdir(folder)).toEqual(["in.webp"]);
});

it("leaves nothing behind for a damaged file, too little memory and an abort", async () => {
  const vae = ["--vae", path.join(models, "vae")];
  await writeFile(inside("broken.mp4"), "this is no video");
  const context = fakeContext({});
  expect(await runCommandLine(["reconstruct", inside("broken.mp4"), "-o", inside("o.mp4"), ...vae], context)).toBe(1);
  expect(context.terminal.noted.at(-1)).toMatch(/^error: .*broken\.mp4/);
  expect(await readdir(folder)).toEqual(["broken.mp4"]);

  const video = inside("in.mp4");
  await writeVideo(video, await readAnimation(await writeInput()));
  const small = fakeContext({});
  const limited = ["reconstruct", video, "-o", inside("o.mp4"), ...vae, "--memory-limit", "100M"];
  expect(await runCommandLine(limited, small)).toBe(1);
  expect(small.terminal.noted.at(-1)).toMatch(/--memory-limit 100M is too little: .*; raise it/);

  const stopped = fakeContext({});
  stopped.controller.abort();
  expect(await runCommandLine(["reconstruct", video, "-o", inside("o.mp4"), ...vae], stopped)).toBe(130);
  expect(stopped.terminal.noted.at(-1)).toMatch(/^Stopped; .*o\.mp4 was not written/);
  expect((await readdir(folder)).toSorted()).toEqual(["broken.mp4", "in.mp4", "in.webp"]);
});
