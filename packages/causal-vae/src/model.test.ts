import { createRng, eagerExecutor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { smallCausalVae, smallReleaseVae } from "../test/small.js";
import { expectSameState } from "../test/states.js";
import { compiled } from "./compiled.js";
import { CausalVae } from "./model.js";
import { releaseConfig } from "./presets.js";

beforeAll(() => tf.setBackend("cpu"));

const clip = (frames: number, size = 16): tf.Tensor5D => createRng(1).normal([1, frames, size, size, 3]) as tf.Tensor5D;

test("names, order and shapes are the released checkpoint's, at an eighth of its width", async () => {
  const file = path.join(import.meta.dirname, "../test/release-keys.json");
  const released = JSON.parse(await readFile(file, "utf8")) as Record<string, readonly number[]>;
  const vae = new CausalVae(releaseConfig({ hidden_size: 16, norm_num_groups: 16 }));
  // Widths of the released model are multiples of 128; what is below is colours, moments and kernel sizes.
  const narrowed = (size: number): number => (size >= 128 ? size / 8 : size);
  const expected = Object.entries(released).map(([name, shape]) => [name, shape.map(narrowed)]);
  expect([...vae.namedParameters()].map(([name, { storedShape }]) => [name, [...storedShape]])).toEqual(expected);
  vae.dispose();
});

test("1 + 4n frames become 1 + n latent frames, and come back", () => {
  const vae = smallReleaseVae();
  const video = clip(5);
  const latents = vae.encode(video);
  expect(latents.shape).toEqual([1, 2, 2, 2, 4]);
  expect(vae.decode(latents).shape).toEqual(video.shape);
  expect(vae.stride).toEqual({ time: 4, height: 8, width: 8 });
  vae.dispose();
});

test("illegal sizes are refused with the nearest legal ones", () => {
  const vae = smallReleaseVae();
  expect(() => vae.encode(tf.zeros([1, 18, 16, 16, 3]))).toThrow(/frames is 18.*17 and 21/);
  expect(() => vae.encode(tf.zeros([1, 5, 60, 16, 3]))).toThrow(/height is 60.*56 and 64/);
  expect(() => vae.encode(tf.zeros([1, 5, 16, 4, 3]))).toThrow(
    /width is 4 but must be a multiple of 8.*values? (are|is) 8/,
  );
  expect(() => vae.decode(tf.zeros([1, 2, 2, 2, 3]))).toThrow(/latents has shape \[1, 2, 2, 2, 3\]/);
  vae.dispose();
});

test("a sample needs randomness and repeats with the same seed", async () => {
  const vae = smallReleaseVae();
  const video = clip(1);
  const [mean, first, again, other] = await Promise.all(
    [undefined, 7, 7, 8].map((seed) => vae.encode(video, seed === undefined ? {} : { rng: createRng(seed) }).data()),
  );
  expect(first).toEqual(again);
  expect(first).not.toEqual(mean);
  expect(first).not.toEqual(other);
  vae.dispose();
});

test("coding leaves no tensors behind", () => {
  const vae = smallCausalVae();
  const video = clip(5);
  const before = tf.memory().numTensors;
  const latents = vae.encode(video);
  const decoded = vae.decode(latents);
  expect(tf.memory().numTensors).toBe(before + 2);
  tf.dispose([video, latents, decoded]);
  vae.dispose();
});

test("compiled codes the same and owns nothing of the model", async () => {
  const vae = smallCausalVae();
  const wrapped = compiled(vae, eagerExecutor());
  const video = clip(5);
  const latents = await wrapped.encode(video, { rng: createRng(2) });
  expect(await latents.data()).toEqual(await vae.encode(video, { rng: createRng(2) }).data());
  const decoded = await wrapped.decode(latents);
  expect(await decoded.data()).toEqual(await vae.decode(latents).data());
  wrapped.dispose();
  expect(vae.encode(video).shape).toEqual([1, 2, 2, 2, 4]);
  vae.dispose();
});

test("an aborted call does not start", () => {
  const vae = smallCausalVae();
  expect(() => vae.encode(clip(1), { signal: AbortSignal.abort(new Error("stop")) })).toThrow("stop");
  vae.dispose();
});

test("a state dict comes back as it was", async () => {
  const vae = smallReleaseVae();
  const state = await vae.stateDict();
  const other = new CausalVae(vae.config);
  other.loadStateDict(state);
  expectSameState(await other.stateDict(), state);
  vae.dispose();
  other.dispose();
});
