import { createRng, initialize, sizeOf, type StoredTensor, storeFloats } from "@noisereel/core";
import { writeSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadLpips, lpipsWeights } from "./lpips-files.js";
import { Lpips } from "./lpips.js";

/** VGG16's convolutions at a 32nd of its width: place in torchvision's list, input and output channels. */
const convolutions = [
  [0, 3, 2],
  [2, 2, 2],
  [5, 2, 4],
  [7, 4, 4],
  [10, 4, 8],
  [12, 8, 8],
  [14, 8, 8],
  [17, 8, 16],
  [19, 16, 16],
  [21, 16, 16],
  [24, 16, 16],
  [26, 16, 16],
  [28, 16, 16],
] as const;
const widths = [2, 4, 8, 16, 16] as const;

let folder: string;
const at = (name: string): string => path.join(folder, name);
const filled = (value: number, shape: readonly number[]): StoredTensor =>
  storeFloats(new Float32Array(sizeOf(shape)).fill(value), shape, "F16");

beforeAll(async () => {
  await tf.setBackend("cpu");
  folder = await mkdtemp(path.join(os.tmpdir(), "lpips-files-"));
  const features = convolutions.flatMap(([place, inputs, outputs]): [string, StoredTensor][] => [
    [`features.${place}.weight`, filled(place / 1024, [outputs, inputs, 3, 3])],
    [`features.${place}.bias`, filled(-place / 1024, [outputs])],
  ]);
  await writeSafetensors(at("vgg16.safetensors"), new Map([...features, ["classifier.0.weight", filled(1, [2])]]));
  const stages = widths.map((width, stage): [string, StoredTensor] => [
    `lin${stage}.model.1.weight`,
    filled(stage / 8, [1, width, 1, 1]),
  ]);
  await writeSafetensors(at("vgg.safetensors"), new Map(stages));
  await writeSafetensors(at("other.safetensors"), new Map([["features.0.weight.momentum", filled(0, [1])]]));
});
afterAll(() => rm(folder, { recursive: true }));

test("torchvision's VGG16 and the stages' weights find their places", async () => {
  const network = await loadLpips([at("vgg16.safetensors"), at("vgg.safetensors")], { widths });
  const parameters = new Map(network.namedParameters());
  const first = (name: string): number => parameters.get(name)!.variable.dataSync()[0]!;
  expect(first("net.slice1.2.weight")).toBe(2 / 1024);
  expect(first("net.slice3.14.bias")).toBe(-14 / 1024);
  expect(first("net.slice5.28.weight")).toBe(28 / 1024);
  expect(first("lin3.model.1.weight")).toBe(3 / 8);
  expect(first("scaling_layer.scale")).toBeCloseTo(0.458, 6);
  network.dispose();
});

test("missing, doubled and foreign files are refused", async () => {
  const before = tf.memory().numTensors;
  await expect(loadLpips([at("vgg16.safetensors")], { widths })).rejects.toThrow(/5 missing \(lin0\.model\.1\.weight/);
  await expect(loadLpips([at("vgg.safetensors"), at("vgg.safetensors")], { widths })).rejects.toThrow(
    /an earlier file holds too/,
  );
  await expect(loadLpips([at("other.safetensors")], { widths })).rejects.toThrow(/holds no weights of VGG16 or LPIPS/);
  expect(tf.memory().numTensors).toBe(before);
});

test("a training checkpoint's names are known, whatever the widths", async () => {
  const network = new Lpips({ widths: [2, 2, 2, 2, 2] });
  initialize(network, createRng(1));
  const state = await network.stateDict();
  const training = new Map([...state].map(([name, tensor]) => [`loss.perceptual_loss.${name}`, tensor]));
  training.set("loss.discriminator.main.0.weight", filled(0, [1]));
  expect([...lpipsWeights(training).keys()]).toEqual([...state.keys()]);
  network.dispose();
});
