import { eagerExecutor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import { smallCausalVae } from "../test/small.js";
import { workingBytes } from "./memory.js";
import { releaseConfig, tinyConfig } from "./presets.js";
import { streamed } from "./streamed.js";

beforeAll(() => tf.setBackend("cpu"));

test("the largest tensor of the released decoder is its finest upsampling", () => {
  const size = { frames: 17, height: 256, width: 256 };
  const { encode, decode } = workingBytes(releaseConfig(), size);
  // 256 channels of 17 x 256 x 256 float32, and 128 in the encoder; nine such tensors.
  expect(decode).toBe(9 * 4 * 256 * 17 * 256 * 256);
  expect(encode).toBe(decode / 2);
});

test("estimates are proportional to the frame; a streamed clip's do not grow with its length", () => {
  const config = tinyConfig();
  const size = { frames: 9, height: 64, width: 64 };
  const once = workingBytes(config, size);
  expect(workingBytes(config, { ...size, width: 128 }).decode).toBe(2 * once.decode);
  const vae = smallCausalVae();
  const coder = streamed(vae, { executor: eagerExecutor(), pieceFrames: 4 });
  const piece = coder.workingBytes(size);
  expect(coder.workingBytes({ ...size, frames: 257 })).toEqual(piece);
  // What a piece takes beside its frames is in it, so that it never says less than a pass of as many frames.
  expect(piece.decode).toBeGreaterThan(vae.workingBytes({ ...size, frames: 4 }).decode);
  coder.dispose();
  vae.dispose();
});
