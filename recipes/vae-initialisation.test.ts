import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import type { Clip } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { measureReconstruction } from "./vae-initialisation-measures.js";

beforeAll(() => tf.setBackend("cpu"));

it("measures every frame and what is left of the movement", async () => {
  const frames = 5;
  const pixels = new Uint8Array(frames * 8 * 8 * 3).map((_, place) => 40 * Math.floor(place / (8 * 8 * 3)));
  const clip: Clip = { id: "steps", pixels, frames, height: 8, width: 8, fps: 8 };
  const signal = new AbortController().signal;
  // What "decodes" frames at half their distance from the middle one.
  const coder = {
    encode: (video: tf.Tensor5D) => tf.clone(video),
    decode: (latents: tf.Tensor5D) => {
      const middle = tf.slice(latents, [0, 2, 0, 0, 0], [1, 1, -1, -1, -1]);
      return tf.tidy(() => tf.add(middle, tf.mul(tf.sub(latents, middle), 0.5)));
    },
  } as unknown as MomentsAutoencoder;
  const found = await measureReconstruction(coder, [clip], frames, signal);
  expect(found.movement).toBeCloseTo(0.5, 5);
  expect(found.psnrByFrame[2]).toBe(100);
  // 40 steps of 255 away, halved once.
  expect(found.psnrByFrame[1]).toBeCloseTo(20 * Math.log10(255 / 20), 3);
  expect(found.psnrByFrame[0]).toBeCloseTo(20 * Math.log10(255 / 40), 3);
  expect(found.psnr).toBeCloseTo(found.psnrByFrame.reduce((sum, value) => sum + value, 0) / frames, 9);
});
