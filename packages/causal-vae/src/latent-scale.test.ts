import { type Clip, type ClipSource, createRng, type ProgressEvent } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { smallCausalVae } from "../test/small.js";
import { latentScale } from "./latent-scale.js";
import { RunningMoments } from "./running-moments.js";

beforeAll(() => tf.setBackend("cpu"));

function noiseClip(index: number, frames = 5): Clip {
  const rng = createRng(index);
  const pixels = Uint8Array.from({ length: frames * 16 * 16 * 3 }, () => rng.integer(256));
  return { id: `noise-${index}`, pixels, frames, height: 16, width: 16, fps: 8 };
}

function sourceOf(clips: readonly Clip[]): ClipSource {
  return { name: "noise", length: clips.length, get: (index) => clips[index]! };
}

const clips = [noiseClip(0), noiseClip(1, 1), noiseClip(2)];

/** The same numbers at once, in float64. */
function plain(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}

test("statistics in parts are those of all numbers at once", () => {
  const numbers = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { maxLength: 20 });
  fc.assert(
    fc.property(fc.array(numbers, { minLength: 1, maxLength: 6 }), (parts) => {
      const whole = parts.flat();
      fc.pre(whole.length > 0);
      const running = new RunningMoments();
      for (const part of parts) running.add(part, { start: 0, step: 1 });
      const expected = plain(whole);
      // Rounding of float64 sums of at most 120 numbers below 1e3.
      expect(running.count).toBe(whole.length);
      expect(running.mean).toBeCloseTo(expected.mean, 9);
      expect(running.std).toBeCloseTo(expected.std, 6);
    }),
    { seed: 3 },
  );
});

test("the scale brings the samples' standard deviation to 1", async () => {
  const vae = smallCausalVae();
  const progress: ProgressEvent[] = [];
  const before = tf.memory().numTensors;
  const found = await latentScale(vae, sourceOf(clips), { seed: 4, onProgress: (event) => progress.push(event) });
  expect(tf.memory().numTensors).toBe(before);
  expect(progress).toEqual([1, 2, 3].map((index) => ({ type: "clip", index, count: 3 })));

  // The same samples by the public encode, which scales them.
  const values: number[] = [];
  for (const [index, clip] of clips.entries()) {
    const pixels = Float32Array.from(clip.pixels, (byte) => byte / 127.5 - 1);
    const video = tf.tensor5d(pixels, [1, clip.frames, 16, 16, 3]);
    const rng = createRng(4).fork(`clip.${index}`).fork("sample");
    values.push(...vae.encode(video, { rng }).dataSync());
  }
  const unscaled = values.map((value) => value / vae.latentScale);
  expect(found.values * vae.latentChannels).toBe(values.length);
  expect(found.std).toBeCloseTo(plain(unscaled).std, 6);
  expect(found.mean).toBeCloseTo(plain(unscaled).mean, 6);
  for (let channel = 0; channel < vae.latentChannels; channel++) {
    const own = plain(unscaled.filter((_, index) => index % vae.latentChannels === channel));
    expect(found.channelMean[channel]).toBeCloseTo(own.mean, 6);
    expect(found.channelStd[channel]).toBeCloseTo(own.std, 6);
  }
  expect(plain(unscaled.map((value) => value * found.scale)).std).toBeCloseTo(1, 6);
  vae.dispose();
});

test("a number of clips is spread over the source, and a transform sees each", async () => {
  const vae = smallCausalVae();
  const asked: string[] = [];
  const source = sourceOf(Array.from({ length: 9 }, (_, index) => noiseClip(index)));
  const found = await latentScale(vae, source, {
    clips: 3,
    transform(clip) {
      asked.push(clip.id);
      return { ...clip, frames: 1, pixels: clip.pixels.subarray(0, 16 * 16 * 3) };
    },
  });
  expect(asked).toEqual(["noise-0", "noise-3", "noise-6"]);
  expect(found).toMatchObject({ clips: 3, values: 3 * 2 * 2 });
  vae.dispose();
});

test("it stops between clips and says what cannot be measured", async () => {
  const vae = smallCausalVae();
  const controller = new AbortController();
  const run = latentScale(vae, sourceOf(clips), { signal: controller.signal, onProgress: () => controller.abort() });
  await expect(run).rejects.toThrow(/abort/i);
  await expect(latentScale(vae, sourceOf([]))).rejects.toThrow(/source noise has no clips/);
  await expect(latentScale(vae, sourceOf(clips), { clips: 0 })).rejects.toThrow(/clips is 0/);
  await expect(latentScale(vae, sourceOf([noiseClip(1, 6)]))).rejects.toThrow(/frames is 6/);
  vae.dispose();
});
