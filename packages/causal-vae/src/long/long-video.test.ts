import { createRng, eagerExecutor, type ProgressEvent, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { smallCausalVae, smallReleaseVae } from "../../test/small.js";
import { streamed } from "../streamed.js";
import { chunked } from "./chunked.js";
import type { Region } from "./frame-file.js";
import { tileSpans } from "./layout.js";
import { longVideo, type RegionReader } from "./long-video.js";

let folder: string;
beforeAll(() => tf.setBackend("cpu"));
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "long-video-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function readerOf(video: tf.Tensor5D): RegionReader {
  const [, frames, height, width] = video.shape;
  return {
    frames,
    height,
    width,
    read: (start: number, count: number, region: Region) =>
      tf.slice(video, [0, start, region.top, region.left, 0], [1, count, region.height, region.width, 3]),
  };
}

async function joined(pieces: AsyncIterable<VideoTensor>): Promise<tf.Tensor5D> {
  const all: VideoTensor[] = [];
  for await (const piece of pieces) all.push(piece);
  return tf.tidy(() => tf.concat(all, 1));
}

const largestDifference = (a: tf.Tensor, b: tf.Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!;
const noise = (shape: [number, number, number, number, number]): tf.Tensor5D =>
  createRng(2).normal(shape) as tf.Tensor5D;

test.each([
  { size: 10, tile: 4, overlap: 0.25, scale: 1 },
  { size: 11, tile: 4, overlap: 0.5, scale: 8 },
  { size: 4, tile: 4, overlap: 0.25, scale: 8 },
  { size: 9, tile: 4, overlap: 0, scale: 2 },
])("tiles of one size whose weights add up to 1: %o", (layout) => {
  const spans = tileSpans(layout);
  const total = new Float64Array(layout.size * layout.scale);
  for (const { start, weights } of spans) {
    expect(weights.length).toBe(layout.tile * layout.scale);
    expect(start % layout.scale).toBe(0);
    weights.forEach((weight, place) => (total[start + place]! += weight));
  }
  for (const sum of total) expect(sum).toBeCloseTo(1, 6); // float32 weights
});

test("where one tile covers the frame, nothing changes but rounding", async () => {
  const vae = smallCausalVae();
  const coder = streamed(vae, { executor: eagerExecutor(), pieceFrames: 4 });
  const long = longVideo(coder);
  const video = noise([1, 9, 16, 24, 3]);
  const means = await long.means(readerOf(video));
  expect(largestDifference(means, vae.posterior(vae.moments(video)).mean)).toBeLessThan(1e-5);
  expect(largestDifference(await joined(long.frames(means)), vae.decodeLatents(means))).toBeLessThan(1e-5);
  coder.dispose();
  vae.dispose();
});

test("tiles are cut, coded through all of their time and blended", async () => {
  const vae = smallCausalVae();
  const coder = streamed(vae, { executor: eagerExecutor(), pieceFrames: 4 });
  const long = longVideo(coder, { tileSize: 16, overlap: 0.5, folder });
  const latents = noise([1, 3, 2, 4, vae.latentChannels]);
  const progress: ProgressEvent[] = [];
  const decoded = await joined(long.frames(latents, { onProgress: (event) => progress.push(event) }));
  expect(decoded.shape).toEqual([1, 9, 16, 32, 3]);
  expect(await readdir(folder)).toEqual([]);
  // Three tiles of 2 x 2 latents, half of each shared, three pieces each.
  expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((index) => ({ type: "tile", index, count: 9 })));
  const expected = tf.tidy(() => {
    const spans = tileSpans({ size: 4, tile: 2, overlap: 0.5, scale: 8 });
    return tf.addN(
      spans.map(({ start, weights }) => {
        const tile = vae.decodeLatents(tf.slice(latents, [0, 0, 0, start / 8, 0], [1, 3, 2, 2, -1]));
        const weighted = tf.mul(tile, tf.reshape(tf.tensor1d(weights), [1, 1, 1, 16, 1]));
        return tf.pad(weighted, [
          [0, 0],
          [0, 0],
          [0, 0],
          [start, 32 - start - 16],
          [0, 0],
        ]);
      }),
    );
  });
  // Float32 rounding of the streamed pieces and of the sums.
  expect(largestDifference(decoded, expected)).toBeLessThan(1e-4);

  const video = noise([1, 9, 16, 32, 3]);
  const means = await long.means(readerOf(video));
  expect(means.shape).toEqual([1, 3, 2, 4, vae.latentChannels]);
  coder.dispose();
  vae.dispose();
});

test("a model that looks ahead runs in chunks that share a frame", async () => {
  const vae = smallReleaseVae();
  const long = longVideo(chunked(vae, { chunkFrames: 5 }));
  const latents = noise([1, 4, 2, 2, vae.latentChannels]);
  const decoded = await joined(long.frames(latents));
  expect(decoded.shape).toEqual([1, 13, 16, 16, 3]);
  const second = tf.slice(vae.decodeLatents(tf.slice(latents, [0, 1, 0, 0, 0], [1, 2, 2, 2, -1])), [0, 1, 0, 0, 0]);
  expect(largestDifference(tf.slice(decoded, [0, 5, 0, 0, 0], [1, 4, 16, 16, 3]), second)).toBeLessThan(1e-6);
  expect(() => chunked(vae, { chunkFrames: 6 })).toThrow(/chunkFrames is 6/);
  vae.dispose();
});

test("an abort leaves no file and no tensor behind", async () => {
  const vae = smallCausalVae();
  const coder = streamed(vae, { executor: eagerExecutor(), pieceFrames: 4 });
  const long = longVideo(coder, { tileSize: 16, folder });
  const latents = noise([1, 3, 2, 4, vae.latentChannels]);
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const run = joined(long.frames(latents, { signal: controller.signal, onProgress: () => controller.abort() }));
  await expect(run).rejects.toThrow(/abort/i);
  expect(await readdir(folder)).toEqual([]);
  expect(tf.memory().numTensors).toBe(before);
  expect(() => longVideo(coder, { tileSize: 12 })).toThrow(/tileSize is 12/);
  expect(() => longVideo(coder, { overlap: 0.6 })).toThrow(/overlap is 0.6/);
  coder.dispose();
  vae.dispose();
});
