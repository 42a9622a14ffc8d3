import { CheckpointError, createRng, type StateDict, storeFloats } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, test } from "vitest";
import { smallReleaseVae } from "../test/small.js";
import { expectSameState } from "../test/states.js";
import { inflate } from "./inflate.js";
import type { CausalVae } from "./model.js";

beforeAll(() => tf.setBackend("cpu"));

/** The released structure's image VAE: the same levels from 2D members. */
function imageVae(): CausalVae {
  const levels = <T>(value: T): T[] => [value, value, value, value];
  return smallReleaseVae({
    hidden_size_mult: [1, 2, 2, 2],
    q_conv: "Conv2d",
    encoder_conv_in: "Conv2d",
    encoder_conv_out: "Conv2d",
    encoder_attention: "AttnBlock",
    encoder_mid_resnet: "ResnetBlock2D",
    encoder_resnet_blocks: levels("ResnetBlock2D" as const),
    encoder_spatial_downsample: ["Downsample", "Downsample", "Downsample", ""],
    encoder_temporal_downsample: levels(""),
    decoder_conv_in: "Conv2d",
    decoder_conv_out: "Conv2d",
    decoder_attention: "AttnBlock",
    decoder_mid_resnet: "ResnetBlock2D",
    decoder_resnet_blocks: levels("ResnetBlock2D" as const),
    decoder_spatial_upsample: ["", "Upsample", "Upsample", "Upsample"],
    decoder_temporal_upsample: levels(""),
  });
}

const videoVae = () => smallReleaseVae({ hidden_size_mult: [1, 2, 2, 2] });

/** LDM's names to diffusers', for a model of four levels. */
function diffusersNames(state: StateDict): StateDict {
  const rename = (name: string): string =>
    name
      .replace(/encoder\.down\.(\d)\.block\.(\d)/, "encoder.down_blocks.$1.resnets.$2")
      .replace(/down\.(\d)\.downsample/, "down_blocks.$1.downsamplers.0")
      .replace(/up\.(\d)\.block\.(\d)/, (_, i, j) => `up_blocks.${3 - Number(i)}.resnets.${j}`)
      .replace(/up\.(\d)\.upsample/, (_, i) => `up_blocks.${3 - Number(i)}.upsamplers.0`)
      .replace(/mid\.block_(\d)/, (_, i) => `mid_block.resnets.${Number(i) - 1}`)
      .replace("mid.attn_1.norm", "mid_block.attentions.0.group_norm")
      .replace(/mid\.attn_1\.([qkv])\./, "mid_block.attentions.0.to_$1.")
      .replace("mid.attn_1.proj_out", "mid_block.attentions.0.to_out.0")
      .replace("norm_out", "conv_norm_out")
      .replace("nin_shortcut", "conv_shortcut");
  return new Map(
    [...state].map(([name, tensor]) => {
      const linear = /attn_1\.(q|k|v|proj_out)\.weight$/.test(name);
      return [rename(name), linear ? { ...tensor, shape: tensor.shape.slice(0, 2) } : tensor];
    }),
  );
}

test.each(["tail", "center", "average"] as const)("%s: one frame is coded as the image VAE codes it", async (init) => {
  const image = imageVae();
  const vae = videoVae();
  inflate(await image.stateDict(), vae, { init });
  const still = createRng(2).normal([1, 1, 16, 16, 3]) as tf.Tensor5D;
  const expected = image.moments(still);
  const difference = tf.max(tf.abs(tf.sub(vae.moments(still), expected)));
  expect((await difference.data())[0]).toBeLessThan(1e-5); // sums of three taps in float32
  image.dispose();
  vae.dispose();
});

test("diffusers' names give the same weights", async () => {
  const image = imageVae();
  const [a, b] = [videoVae(), videoVae()];
  const state = await image.stateDict();
  const renamed = diffusersNames(state);
  expect(renamed.has("decoder.up_blocks.0.upsamplers.0.conv.weight")).toBe(true);
  inflate(state, a, { init: "tail" });
  inflate(renamed, b, { init: "tail" });
  expectSameState(await b.stateDict(), await a.stateDict());
  for (const vae of [image, a, b]) vae.dispose();
});

test("a VAE inside a diffusion checkpoint is found, its losses are left out", async () => {
  const image = imageVae();
  const vae = videoVae();
  const inside = new Map([...(await image.stateDict())].map(([name, tensor]) => [`first_stage_model.${name}`, tensor]));
  const one = storeFloats(new Float32Array(1), [1]);
  inside.set("model.diffusion.weight", one).set("first_stage_model.loss.logvar", one);
  expect(() => inflate(inside, vae, { init: "tail" })).not.toThrow();
  image.dispose();
  vae.dispose();
});

test("weights that do not fit are listed and nothing is written", async () => {
  const image = imageVae();
  const vae = videoVae();
  const before = await vae.stateDict();
  const state = new Map(await image.stateDict());
  state.delete("encoder.conv_in.bias");
  state.set("encoder.extra.weight", storeFloats(new Float32Array(2), [2]));
  state.set("quant_conv.bias", storeFloats(new Float32Array(3), [3]));
  let error: unknown;
  try {
    inflate(state, vae, { init: "tail" });
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(CheckpointError);
  expect(error).toMatchObject({
    missing: ["encoder.conv_in.conv.bias"],
    unexpected: ["encoder.extra.weight"],
    mismatched: [{ name: "quant_conv.conv.bias", expected: [8], found: [3] }],
  });
  expectSameState(await vae.stateDict(), before);
  image.dispose();
  vae.dispose();
});
