import { type Clip, ConfigError, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { evaluate } from "./evaluate.js";
import { featureStatistics, frechetDistance } from "./frechet.js";
import { matchPrompts, pixelCorrelation } from "./prompt-match.js";
import { psnr, psnrMetric } from "./psnr.js";
import { frameSsim, ssimMetric } from "./ssim.js";

beforeAll(() => tf.setBackend("cpu"));

/** A bright square that moves to the right, on a dark ground. */
function clip(id: string, options: { frames?: number; side?: number; at?: number; bright?: number } = {}): Clip {
  const { frames = 4, side = 24, at = 0, bright = 200 } = options;
  const pixels = new Uint8Array(frames * side * side * 3).fill(20);
  const unit = side / 12;
  for (let frame = 0; frame < frames; frame++) {
    const left = at + (frame * 3) / Math.max(1, frames - 1);
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const inside = y / unit >= at && y / unit < at + 5 && x / unit >= left && x / unit < left + 5;
        if (inside) pixels.fill(bright, ((frame * side + y) * side + x) * 3, ((frame * side + y) * side + x) * 3 + 3);
      }
    }
  }
  return { id, pixels, frames, height: side, width: side, fps: 8 };
}

describe("PSNR and SSIM of tensors", () => {
  test("a constant difference, and identical frames", async () => {
    const reference = tf.fill([1, 2, 12, 12, 3], -0.5) as tf.Tensor5D;
    const generated = tf.concat([tf.fill([1, 1, 12, 12, 3], -0.3), tf.fill([1, 1, 12, 12, 3], -0.5)], 1) as tf.Tensor5D;
    const [scores] = await psnr(generated, reference);
    expect(scores![0]).toBeCloseTo(20, 5); // a difference of 0.1 in [0, 1]
    expect(scores![1]).toBe(100);
  });

  test("values beyond [-1, 1] count as the nearest legal one", async () => {
    const scores = await psnr(tf.fill([1, 1, 12, 12, 3], 1.7), tf.ones([1, 1, 12, 12, 3]));
    expect(scores).toEqual([[100]]);
  });

  test("shapes that do not fit", async () => {
    await expect(psnr(tf.zeros([1, 1, 8, 8, 3]), tf.zeros([1, 2, 8, 8, 3]))).rejects.toThrow(ShapeError);
    const frame: tf.Tensor = tf.zeros([8, 8, 3]);
    await expect(psnr(frame as tf.Tensor5D, tf.zeros([1, 1, 8, 8, 3]))).rejects.toThrow(/needs \[batch, time/);
    expect(() => frameSsim([0], [0], { height: 1, width: 1, channels: 1 })).toThrow(/at least 11 x 11/);
  });
});

describe("evaluate", () => {
  test("clips and tensors, every frame the same weight", async () => {
    const same = { generated: clip("a"), reference: clip("a") };
    const other = { generated: clip("b", { frames: 2, bright: 190 }), reference: clip("b", { frames: 2 }) };
    const before = tf.memory().numTensors;
    const result = await evaluate([same, other], [psnrMetric(), ssimMetric()]);
    expect(tf.memory().numTensors).toBe(before);
    const alone = await evaluate([other], [psnrMetric()]);
    expect(result["psnr"]).toBeCloseTo((4 * 100 + 2 * alone["psnr"]!) / 6, 9);
    expect(result["ssim"]).toBeLessThan(1);
    expect(result["ssim"]).toBeGreaterThan(0.9);
  });

  test("no metric, no frame", async () => {
    await expect(evaluate([], [])).rejects.toThrow(ConfigError);
    await expect(evaluate([], [psnrMetric(), psnrMetric()])).rejects.toThrow(/each name once/);
    await expect(evaluate([], [psnrMetric()])).rejects.toThrow(/psnr has seen no frame/);
  });
});

describe("prompt match", () => {
  test("size, length and brightness do not matter", () => {
    const reference = clip("a", { frames: 7, side: 48 });
    expect(pixelCorrelation(reference, reference)).toBeCloseTo(1, 12);
    expect(pixelCorrelation(clip("b", { frames: 7, side: 24, bright: 90 }), reference)).toBeGreaterThan(0.99);
    expect(pixelCorrelation(clip("b", { frames: 4 }), reference)).toBeGreaterThan(0.9);
    expect(pixelCorrelation(clip("flat", { bright: 20 }), reference)).toBe(0);
  });

  test("counts the clips that are nearest to their own reference", () => {
    const references = [clip("a", { at: 0 }), clip("b", { at: 2 }), clip("c", { at: 4 })];
    const generated = [clip("x", { at: 0, bright: 120 }), clip("y", { at: 4 }), clip("z", { at: 4, side: 36 })];
    const { matched, total, nearest, matrix } = matchPrompts(generated, references);
    expect({ matched, total, nearest }).toEqual({ matched: 2, total: 3, nearest: [0, 2, 2] });
    expect(matrix).toHaveLength(3);
  });

  test("bad input", () => {
    expect(() => matchPrompts([clip("a"), clip("b")], [clip("a")])).toThrow(ConfigError);
    expect(() => pixelCorrelation({ ...clip("a"), frames: 9 }, clip("b"))).toThrow(ShapeError);
    expect(() => pixelCorrelation(clip("a"), clip("b"), { frames: 0 })).toThrow(/frames is 0/);
  });
});

describe("Fréchet distance", () => {
  test("of Gaussians with diagonal covariances has a closed form", () => {
    const diagonal = (values: number[]) => values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));
    const distance = frechetDistance([0, 1], diagonal([4, 9]), [1, 3], diagonal([1, 1]));
    expect(distance).toBeCloseTo(1 + 4 + (2 - 1) ** 2 + (3 - 1) ** 2, 10);
  });

  test("shapes that do not fit", () => {
    expect(() => featureStatistics([[1, 2]])).toThrow(ShapeError);
    expect(() => frechetDistance([0], [[1]], [0, 0], [[1]])).toThrow(ShapeError);
  });
});
