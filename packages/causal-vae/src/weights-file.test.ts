import { type StateDict, storeFloats, toFloat32 } from "@noisereel/core";
import { writeSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { formulaNumbers, torchFixture } from "../test/torch/fixtures.js";
import { storedConfig } from "./config.js";
import { CausalVae } from "./model.js";
import { causalConfig } from "./presets.js";
import { readWeightsFile } from "./weights-file.js";

/** The model in `small-vae.ckpt`. */
const config = causalConfig({
  hidden_size: 4,
  hidden_size_mult: [1, 1],
  num_res_blocks: 1,
  norm_num_groups: 2,
  z_channels: 2,
  embed_dim: 2,
  encoder_temporal_downsample: ["TimeDownsample2x", ""],
  decoder_temporal_upsample: ["", "TimeUpsample2x"],
});

let folder: string;
beforeAll(() => tf.setBackend("cpu"));
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "weights-file-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const writeConfig = (changes: object = {}): Promise<void> =>
  writeFile(path.join(folder, "config.json"), JSON.stringify({ ...storedConfig(config), ...changes }));

async function expectFormulaWeights(vae: CausalVae): Promise<void> {
  for (const [name, stored] of await vae.stateDict()) {
    const values = toFloat32(stored);
    expect([name, values]).toEqual([name, formulaNumbers(values.length)]);
  }
  vae.dispose();
}

test("a Lightning checkpoint loads by itself, with its config beside it, and from its folder", async () => {
  await expectFormulaWeights(await CausalVae.fromPretrained(torchFixture("small-vae.ckpt"), { config }));
  await writeConfig();
  await copyFile(torchFixture("small-vae.ckpt"), path.join(folder, "last.ckpt"));
  await expectFormulaWeights(await CausalVae.fromPretrained(path.join(folder, "last.ckpt")));
  await expectFormulaWeights(await CausalVae.fromPretrained(folder));
  await copyFile(torchFixture("small-vae.ckpt"), path.join(folder, "first.ckpt"));
  await expect(CausalVae.fromPretrained(folder)).rejects.toThrow(/holds first\.ckpt, last\.ckpt; give the path of one/);
});

test("a checkpoint in the format from before PyTorch 1.6 loads like one of today's", async () => {
  await expectFormulaWeights(await CausalVae.fromPretrained(torchFixture("small-vae-legacy.ckpt"), { config }));
});

test("safetensors and .bin files load like checkpoints", async () => {
  const weights = await readWeightsFile(torchFixture("small-vae.ckpt"));
  const file = path.join(folder, "weights.safetensors");
  await writeSafetensors(file, weights);
  await expectFormulaWeights(await CausalVae.fromPretrained(file, { config }));
  await rm(file);
  await writeConfig();
  await copyFile(torchFixture("small-vae.ckpt"), path.join(folder, "diffusion_pytorch_model.bin"));
  await expectFormulaWeights(await CausalVae.fromPretrained(folder));
});

test("averaged weights are preferred, and prefixes and losses fall off", async () => {
  const values = (state: StateDict) => [...state].map(([name, tensor]) => [name, ...toFloat32(tensor)]);
  const [first, second] = formulaNumbers(2);
  expect(values(await readWeightsFile(torchFixture("averaged.ckpt")))).toEqual([["a", first, second]]);
  expect(values(await readWeightsFile(torchFixture("averaged.ckpt"), { ema: false }))).toEqual([
    ["a", first! * 2, second! * 2],
  ]);
});

test.each([
  ["nan.pt", /a holds values that are not finite/],
  ["list.pt", /holds no dict of tensors/],
  ["evil.pt", /posix\.system/],
  ["README.md", /ends in "\.md"; weights are read from \.safetensors, \.ckpt/],
])("%s is refused in a sentence, and no tensor is left behind", async (name, message) => {
  const before = tf.memory().numTensors;
  await expect(CausalVae.fromPretrained(torchFixture(name), { config })).rejects.toThrow(message);
  expect(tf.memory().numTensors).toBe(before);
});

test.each(["F32", "F16", "BF16"] as const)("infinity in %s safetensors is refused", async (dtype) => {
  const file = path.join(folder, "model.safetensors");
  await writeSafetensors(file, new Map([["a", storeFloats(Float32Array.of(1, -Infinity), [2], dtype)]]));
  await expect(readWeightsFile(file)).rejects.toThrow(/a holds values that are not finite/);
});

test("a header that claims 10 GB is refused", async () => {
  const file = path.join(folder, "model.safetensors");
  const bytes = Buffer.alloc(64);
  bytes.writeBigUInt64LE(10_000_000_000n);
  await writeFile(file, bytes);
  await expect(readWeightsFile(file)).rejects.toThrow(/its header claims 10000000000 bytes of a 64-byte file/);
});

test("safetensors cut short are refused, and no tensor is left behind", async () => {
  const file = path.join(folder, "model.safetensors");
  await writeSafetensors(file, await readWeightsFile(torchFixture("small-vae.ckpt")));
  const bytes = await readFile(file);
  const before = tf.memory().numTensors;
  for (const length of [0, 7, 100, bytes.length - 1]) {
    await writeFile(file, bytes.subarray(0, length));
    await expect(CausalVae.fromPretrained(file, { config }), `${length} bytes`).rejects.toThrow(/model\.safetensors/);
  }
  expect(tf.memory().numTensors).toBe(before);
});

test("weights of other shapes, a checkpoint cut short and a file without a config are refused", async () => {
  const before = tf.memory().numTensors;
  const wider = { ...config, hidden_size: 8 };
  await expect(CausalVae.fromPretrained(torchFixture("small-vae.ckpt"), { config: wider })).rejects.toThrow(
    /of another shape \(encoder\.conv_in\.conv\.weight is \[4, 3, 3, 3, 3\], the model has \[8, 3, 3, 3, 3\]/,
  );
  const bytes = await readFile(torchFixture("small-vae.ckpt"));
  const file = path.join(folder, "cut.ckpt");
  await writeFile(file, bytes.subarray(0, bytes.length - 300));
  await expect(CausalVae.fromPretrained(file, { config })).rejects.toThrow(/not a whole PyTorch checkpoint.*cut short/);
  await expect(CausalVae.fromPretrained(file)).rejects.toThrow(/config\.json.*or the option config/);
  expect(tf.memory().numTensors).toBe(before);
});
