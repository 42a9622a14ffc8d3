import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import { createRng, eagerExecutor, type TrainRun } from "@noisereel/core";
import { parseSettings, recipeOptions } from "@noisereel/trainer";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { shippedManifest } from "../quickstart/config.js";
import { smallStages } from "../stages.js";
import { encodeStage } from "./latents.js";
import type { StagesOptions } from "./options.js";
import { standInLatents } from "./stand-in.js";

let folder: string;
let options: StagesOptions;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stand-in-"));
  // The first shipped clip alone.
  const [line] = (await readFile(shippedManifest(), "utf8")).split("\n");
  const entry = JSON.parse(line!) as { readonly path: string };
  const manifest = path.join(folder, "one.jsonl");
  await writeFile(manifest, JSON.stringify({ ...entry, path: path.resolve(shippedManifest(), "..", entry.path) }));
  options = recipeOptions(smallStages, parseSettings(["views=2", "heldOut=0", `manifest=${manifest}`]));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

test("what is left to encode is what the run's folder has not got", async () => {
  const shape = { ...options.stages["stage-1"]!, height: 16, width: 16, stills: 1 };
  let encoded = 0;
  // Moments of the right shape: [B, T, H / 8, W / 8, 2 C].
  const moments: MomentsAutoencoder["moments"] = (video) => {
    encoded++;
    const [batch, frames, height, width] = video.shape;
    return tf.zeros([batch, (frames - 1) / 4 + 1, height / 8, width / 8, 8]);
  };
  const coder = { latentChannels: 4, latentScale: 1, moments } as MomentsAutoencoder;
  const context = { folder, executor: eagerExecutor(), note: () => undefined };
  const given = { coder, encodedBefore: false, context, rng: createRng(0) };
  const run = { signal: new AbortController().signal } as TrainRun;

  const untrained = await standInLatents(options, shape, { ...given, hash: undefined });
  expect(untrained.preparing).toMatchObject([{ name: "preparing", times: 2 }]); // one clip, two views
  await untrained.preparing[0]!.once(run);
  expect(encoded).toBe(2); // a video and a still
  expect(await readdir(folder)).toEqual(["one.jsonl"]);

  // The made-up latents are like the real ones, and the same each time.
  const real = await encodeStage(options, shape, { coder, hash: "a", context, signal: run.signal });
  const id = untrained.trained[0]!;
  const [made, encodedItem] = [await untrained.get(id), await real.get(id)];
  expect(made.latents.shape).toEqual(encodedItem.latents.shape);
  expect(made.stills!.map(({ logVariance }) => logVariance!.length)).toEqual([2 * 2 * 4]);
  expect(await untrained.get(id)).toEqual(made);

  const ofThis = await standInLatents(options, shape, { ...given, hash: "a" });
  const ofAnother = await standInLatents(options, shape, { ...given, hash: "b" });
  const after = await standInLatents(options, shape, { ...given, hash: "b", encodedBefore: true });
  encoded = 0;
  for (const { preparing } of [ofThis, after]) {
    expect(preparing).toMatchObject([{ name: "preparing", times: 2 }]);
    await preparing[0]!.once(run);
  }
  expect(encoded).toBe(0);
  await ofAnother.preparing[0]!.once(run);
  expect(encoded).toBe(2);
});
