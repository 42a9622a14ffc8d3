import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { movingClip } from "../test/helpers.js";
import { clipToTensor, createClip, fromUint8, tensorToClip, tensorToClips, toUint8 } from "./index.js";

const clip = movingClip({ frames: 3, height: 4, width: 6 });

test("every byte comes back from its number, also after float32 rounding", () => {
  for (let byte = 0; byte < 256; byte++) {
    expect(toUint8(fromUint8(byte))).toBe(byte);
    expect(toUint8(Math.fround(fromUint8(byte)))).toBe(byte);
  }
  expect([toUint8(NaN), toUint8(-Infinity), toUint8(Infinity)]).toEqual([0, 0, 255]);
});

test("rounding is never further than half a step; truncating is never brighter", () => {
  fc.assert(
    fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (value) => {
      expect(Math.abs(toUint8(value) - (value + 1) * 127.5)).toBeLessThanOrEqual(0.5 + 1e-9);
      expect(toUint8(value, "truncate")).toBeLessThanOrEqual(toUint8(value));
    }),
  );
});

test("clips become [B, T, H, W, 3] in [-1, 1] and come back exactly; nothing leaks", async () => {
  const before = tf.memory().numTensors;
  const tensor = clipToTensor([clip, { ...clip, id: "other" }]);
  expect(tensor.shape).toEqual([2, 3, 4, 6, 3]);
  expect(tensor.min().dataSync()[0]).toBeGreaterThanOrEqual(-1);
  const [first, second] = await tensorToClips(tensor, { fps: 10, id: "out", caption: "words" });
  expect(first).toEqual({ ...clip, id: "out-0", caption: "words" });
  expect(second!.pixels).toEqual(clip.pixels);
  const single = clipToTensor(clip);
  const four = tf.tensor4d(single.dataSync(), [3, 4, 6, 3]);
  expect((await tensorToClip(single, { fps: 5 })).pixels).toEqual(clip.pixels);
  expect((await tensorToClip(four, { fps: 5 })).fps).toBe(5);
  await expect(tensorToClip(tensor, { fps: 5 })).rejects.toThrow("video is a batch of 2; use tensorToClips");
  tf.dispose([tensor, single, four]);
  expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 1); // the scalar of min() above
});

test("shapes that do not fit are refused with the clip's name", async () => {
  expect(() => clipToTensor([])).toThrow("clips is empty");
  expect(() => clipToTensor([clip, movingClip({ frames: 2, height: 4, width: 6, id: "b" })])).toThrow(
    "clip b is 2 frames of 6x4 but clip moving is 3 frames of 6x4",
  );
  const grey = tf.zeros([1, 2, 4, 4, 1]) as tf.Tensor5D;
  await expect(tensorToClip(grey, { fps: 5 })).rejects.toThrow("video has shape [1, 2, 4, 4, 1]");
  expect(() => createClip(new Uint8Array(10), { id: "x", height: 2, width: 2, fps: 1 })).toThrow(
    "not a whole number of 2x2",
  );
  expect(() => createClip(new Uint8Array(12), { id: "x", height: 2, width: 2, fps: 0 })).toThrow("fps is 0");
  grey.dispose();
});
