import { createRng, initialize, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { FloLpips, flowWeights } from "./flolpips.js";
import { Lpips, lpipsMetric } from "./lpips.js";

const channels = [2, 3, 4, 4, 4] as const;

beforeAll(() => tf.setBackend("cpu"));

function frames(seed: number, count = 2): tf.Tensor4D {
  return tf.randomUniform([count, 64, 64, 3], -1, 1, "float32", seed);
}

describe("Lpips", () => {
  test("identical frames have distance 0; it leaks nothing", async () => {
    const model = new Lpips({ network: "alexnet", channels });
    initialize(model, createRng(1));
    const x = frames(1);
    const before = tf.memory().numTensors;
    const distance = model.forward(x, x);
    expect([...distance.dataSync()]).toEqual([0, 0]);
    distance.dispose();
    const metric = lpipsMetric(model);
    const video = tf.reshape(x, [1, 2, 64, 64, 3]) as tf.Tensor5D;
    await metric.update(video, video);
    expect(await metric.compute()).toBe(0);
    video.dispose();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test("is differentiable in its pixels", () => {
    const model = new Lpips({ network: "vgg16", channels });
    initialize(model, createRng(1));
    const y = frames(2, 1);
    const gradient = tf.grad((x) => tf.sum(model.forward(x as tf.Tensor4D, y)))(frames(1, 1));
    expect(tf.max(tf.abs(gradient)).dataSync()[0]).toBeGreaterThan(0);
    model.dispose();
  });

  test("names are those of the published weights", () => {
    const names = [...new Lpips({ network: "vgg16", channels }).namedParameters()].map(([name]) => name);
    expect(names).toContain("net.slice5.28.weight");
    expect(names).toContain("lin4.model.1.weight");
    expect(names).toContain("scaling_layer.shift");
    expect(names).toHaveLength(2 + 26 + 5);
  });

  test("frames of two shapes", () => {
    const model = new Lpips({ network: "alexnet", channels });
    expect(() => model.forward(frames(1, 1), frames(1, 2))).toThrow(ShapeError);
    model.dispose();
  });
});

describe("FloLpips", () => {
  test("weights sum to 1, also where all flows agree", () => {
    const weights = flowWeights(tf.randomNormal([2, 16, 12, 2], 0, 1, "float32", 3), [5, 4]);
    for (const sum of tf.sum(weights, [1, 2, 3]).dataSync()) expect(sum).toBeCloseTo(1, 6);
    const even = flowWeights(tf.zeros([1, 16, 12, 2]), [5, 4]);
    expect(tf.sum(even).dataSync()[0]).toBeCloseTo(1, 6);
  });

  test("a flow of another size", () => {
    const model = new FloLpips({ network: "alexnet", channels });
    expect(() => model.forward(frames(1), frames(2), tf.zeros([2, 32, 64, 2]))).toThrow(/flowDifference has shape/);
    model.dispose();
  });
});
