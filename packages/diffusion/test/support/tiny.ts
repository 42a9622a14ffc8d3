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
