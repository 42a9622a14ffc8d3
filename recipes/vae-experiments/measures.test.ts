import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import type { Clip } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { measureReconstruction } from "./measures.js";

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
  const found = await measureReconstruction(coder, [clip], { start: 0, frames, signal });
  expect(found.movement).toBeCloseTo(0.5, 5);
  expect(found.change.amount).toBeCloseTo(0.5, 5);
  expect(found.change.kept).toBeCloseTo(0.5, 5);
  expect(found.psnrByFrame[2]).toBe(100);
  // 40 steps of 255 away, halved once.
  expect(found.psnrByFrame[1]).toBeCloseTo(20 * Math.log10(255 / 20), 3);
  expect(found.psnrByFrame[0]).toBeCloseTo(20 * Math.log10(255 / 40), 3);
  expect(found.psnr).toBeCloseTo(found.psnrByFrame.reduce((sum, value) => sum + value, 0) / frames, 9);
});

it("counts changes where the clip moves, and flicker as an amount that keeps nothing", async () => {
  // The left half steps by 40 of 255 from frame to frame, the right half stands still.
  const [frames, side] = [3, 8];
  const pixels = new Uint8Array(frames * side * side * 3).map((_, place) => {
    const column = Math.floor(place / 3) % side;
    return column < side / 2 ? 40 * Math.floor(place / (side * side * 3)) : 90;
  });
  const clip: Clip = { id: "half", pixels, frames, height: side, width: side, fps: 8 };
  const signal = new AbortController().signal;
  const coderOf = (add: (video: tf.Tensor5D) => tf.Tensor5D) =>
    ({ encode: (video: tf.Tensor5D) => tf.clone(video), decode: add }) as unknown as MomentsAutoencoder;
  const exact = await measureReconstruction(
    coderOf((video) => tf.clone(video)),
    [clip],
    { start: 0, frames, signal },
  );
  expect(exact.change.amount).toBeCloseTo(1, 6);
  expect(exact.change.kept).toBeCloseTo(1, 6);
  // A first frame for ever, with rows that flicker by as much as the clip moves: as many up as down.
  const flicker = await measureReconstruction(
    coderOf((video) =>
      tf.tidy(() => {
        const rows = tf.reshape(tf.tensor1d([1, -1, 1, -1, 1, -1, 1, -1]), [1, 1, side, 1, 1]);
        const signs = tf.reshape(tf.tensor1d([0, 1, 0]), [1, frames, 1, 1, 1]);
        const first = tf.slice(video, [0, 0, 0, 0, 0], [1, 1, side, side, 3]);
        return tf.add(first, tf.mul(80 / 255, tf.mul(rows, signs))) as tf.Tensor5D;
      }),
    ),
    [clip],
    { start: 0, frames, signal },
  );
  expect(flicker.change.amount).toBeCloseTo(1, 5);
  expect(flicker.change.kept).toBeCloseTo(0, 5);
});
