// Small models and stand-ins that several tests share.
import {
  createRng,
  initialize,
  type LatentTensor,
  type TextCondition,
  type TextEncoder,
  type VideoAutoencoder,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { type LatteConfigInput, LatteT2V } from "../../src/index.js";

export const tinyConfig = {
  num_attention_heads: 2,
  attention_head_dim: 8,
  num_layers: 2,
  caption_channels: 6,
  sample_size: 4,
  video_length: 3,
} satisfies LatteConfigInput;

/** A model whose every parameter, gates included, is random: nothing in it is skipped by a zero. */
export function tinyModel(config: LatteConfigInput = {}, seed = 1): LatteT2V {
  const model = new LatteT2V({ ...tinyConfig, ...config });
  randomize(model, seed);
  return model;
}

export function randomize(model: LatteT2V, seed = 1): void {
  initialize(model, createRng(seed));
  for (const [name, parameter] of model.namedParameters()) {
    const count = parameter.shape.reduce((a, b) => a * b, 1);
    parameter.assign(
      createRng(seed)
        .fork(name)
        .normals(count)
        .map((value) => value * 0.2),
    );
  }
}

export function randomTensor(shape: readonly number[], name = "x"): tf.Tensor {
  return createRng(7).fork(name).normal(shape);
}

export function randomLatents(shape: readonly [number, number, number, number, number], name = "x"): LatentTensor {
  return randomTensor(shape, name) as LatentTensor;
}

/** `[B, P, L, W]` with a full mask. */
export function randomCondition(shape: readonly [number, number, number, number], name = "text"): TextCondition {
  return {
    embeddings: randomTensor(shape, name) as tf.Tensor4D,
    mask: tf.ones<tf.Rank.R3>([shape[0], shape[1], shape[2]]),
  };
}

/** Embeddings that depend on the prompt's characters; the mask covers as many tokens as it has, at least one. */
export function characterEncoder(width = 6, maxTokens = 5): TextEncoder {
  return {
    name: "characters",
    width,
    maxTokens,
    encode(prompts) {
      const [batch, captions] = [prompts.length, prompts[0]!.length];
      const codes = prompts
        .flat()
        .map((prompt) => Array.from({ length: maxTokens }, (_, i) => prompt.charCodeAt(i) || 0));
      const values = codes.flatMap((code) =>
        code.flatMap((c) => Array.from({ length: width }, (_, k) => Math.sin(c * (k + 1)))),
      );
      const mask = codes.flatMap((code) => code.map((c, i) => (c > 0 || i === 0 ? 1 : 0)));
      return {
        embeddings: tf.tensor4d(values, [batch, captions, maxTokens, width]),
        mask: tf.tensor3d(mask, [batch, captions, maxTokens]),
      };
    },
    dispose() {},
  };
}

/** Strides of the real autoencoder; its pixels are the latents themselves. */
export const latentsAsVideo: VideoAutoencoder = {
  name: "latents",
  latentChannels: 4,
  stride: { time: 4, height: 8, width: 8 },
  encode: (video) => tf.clone(video),
  decode: (latents) => tf.clone(latents),
  dispose() {},
};

/** The largest difference of two tensors. */
export function distance(a: tf.Tensor, b: tf.Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);
}

/** A stand-in with the real strides: a latent is the mean colour of its pixels, and a fourth channel that says nothing. */
export const meanColors: VideoAutoencoder = {
  name: "mean-colors",
  latentChannels: 4,
  stride: { time: 4, height: 8, width: 8 },
  encode: (video) =>
    tf.tidy(() => {
      const [batch, frames, rows, columns] = video.shape;
      const [height, width] = [rows / 8, columns / 8];
      const byRow = tf.mean(tf.reshape(video, [batch * frames * height, 8, columns * 3]), 1);
      const cells = tf.reshape(tf.mean(tf.reshape(byRow, [-1, 8, 3]), 1), [batch, frames, height * width * 3]);
      const slots = 1 + (frames - 1) / 4;
      const means = Array.from({ length: slots }, (_, slot) =>
        tf.mean(tf.slice(cells, [0, slot === 0 ? 0 : 4 * slot - 3, 0], [-1, slot === 0 ? 1 : 4, -1]), 1, true),
      );
      const colors = tf.reshape(tf.concat(means, 1), [batch, slots, height, width, 3]);
      return tf.pad(colors, [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 1],
      ]) as tf.Tensor5D;
    }),
  decode: (latents) =>
    tf.tidy(() => {
      const [batch, slots, height, width] = latents.shape;
      const colors = tf.reshape(tf.slice(latents, [0, 0, 0, 0, 0], [-1, -1, -1, -1, 3]), [
        batch * slots,
        height,
        width,
        3,
      ]);
      const large = tf.image.resizeNearestNeighbor(colors as tf.Tensor4D, [height * 8, width * 8]);
      const frames = tf.split(tf.reshape(large, [batch, slots, height * 8, width * 8, 3]), slots, 1);
      return tf.concat(
        frames.flatMap((frame, slot) => Array.from({ length: slot === 0 ? 1 : 4 }, () => frame)),
        1,
      ) as tf.Tensor5D;
    }),
  dispose() {},
};
