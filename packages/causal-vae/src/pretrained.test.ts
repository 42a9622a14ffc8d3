import { storeFloats } from "@noisereel/core";
import { readSafetensors, writeSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { smallCausalVae } from "../test/small.js";
import { expectSameState } from "../test/states.js";
import { CausalVae } from "./model.js";
import { savePretrained } from "./pretrained.js";

let root: string;
let folder: string;
beforeAll(() => tf.setBackend("cpu"));
beforeEach(async () => {
  root = await mkdtemp(path.join(os.tmpdir(), "causal-vae-"));
  folder = path.join(root, "vae");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const weights = () => path.join(folder, "diffusion_pytorch_model.safetensors");

async function saved(): Promise<CausalVae> {
  const vae = smallCausalVae();
  await savePretrained(vae, folder);
  return vae;
}

test("a saved folder loads as it was", async () => {
  const vae = await saved();
  expect(await readdir(root)).toEqual(["vae"]);
  const loaded = await CausalVae.fromPretrained(folder);
  expectSameState(await loaded.stateDict(), await vae.stateDict());
  expect(loaded.config).toMatchObject(vae.config);
  vae.dispose();
  loaded.dispose();
});

test("weights of training losses are ignored, others are not", async () => {
  const vae = await saved();
  const { tensors } = await readSafetensors(weights());
  const scalar = storeFloats(new Float32Array(1), [1]);
  await writeSafetensors(weights(), new Map([...tensors, ["loss.logvar", scalar]]));
  const loaded = await CausalVae.fromPretrained(folder);
  loaded.dispose();
  await writeSafetensors(weights(), new Map([...tensors, ["encoder.surplus", scalar]]));
  await expect(CausalVae.fromPretrained(folder)).rejects.toThrow(/1 unexpected \(encoder.surplus\)/);
  vae.dispose();
});

test.each([
  ["config.json", "{", /config.json is not JSON/],
  ["config.json", '{"hidden": 3}', /unknown key hidden/],
  ["diffusion_pytorch_model.safetensors", "short", /diffusion_pytorch_model.safetensors/],
] as const)("a broken %s (%s) is told in a sentence", async (file, content, message) => {
  const vae = await saved();
  const before = tf.memory().numTensors;
  await writeFile(path.join(folder, file), content);
  await expect(CausalVae.fromPretrained(folder)).rejects.toThrow(message);
  expect(tf.memory().numTensors).toBe(before);
  vae.dispose();
});

test("a truncated file loads nothing", async () => {
  const vae = await saved();
  const bytes = await readFile(weights());
  await writeFile(weights(), bytes.subarray(0, bytes.length - 100));
  await expect(CausalVae.fromPretrained(folder)).rejects.toThrow(/safetensors/);
  vae.dispose();
});

test("a folder that is missing is named", async () => {
  await expect(CausalVae.fromPretrained(path.join(root, "nowhere"))).rejects.toThrow(/nowhere.*config.json/);
});
