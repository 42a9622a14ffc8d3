// Whole denoisers.
import { compareOutputs, type GoldenArray, type GoldenRunner } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import { Latte, LatteT2V, spatialTable } from "../../src/index.js";
import {
  channelsFirstTensor,
  conditionArrays,
  configOf,
  inputsOf,
  latentsOf,
  latteConfigOf,
  load,
  stillsOf,
} from "./support.js";

const isText = (config: unknown) => (config as Record<string, unknown>)["caption_channels"] !== null;

/** Forward passes of LatteT2V: tiny, full width and full size; video, image and joint; with and without a mask. */
const textModelRunner: GoldenRunner = {
  name: "LatteT2V",
  matches: ({ module, config }) =>
    /^(LatteT2V forward|LatteT2V, true width|LatteT2V-XL|the same, joint|as t2v_joint)/.test(module) && isText(config),
  async run(goldenCase, tools) {
    const omitJointTemporalTable = /omits the temporal position table/.test(goldenCase.module);
    const model = new LatteT2V(latteConfigOf(goldenCase), { compat: { omitJointTemporalTable } });
    await load(model, goldenCase);
    const inputs = await inputsOf(goldenCase, ["x", "t", "caption", "mask"]);
    const stills = stillsOf(goldenCase);
    const outputs = await tools.call(
      goldenCase.id,
      ({ x, t, embeddings, mask }) => {
        const output = model.predict({
          latents: x as tf.Tensor5D,
          stills,
          timesteps: t as tf.Tensor1D,
          condition: { embeddings: embeddings as tf.Tensor4D, mask: mask as tf.Tensor3D },
        });
        return { "out.y": channelsFirstTensor(output) };
      },
      { x: latentsOf(inputs["x"]!), t: inputs["t"]!, ...conditionArrays(inputs) },
    );
    model.dispose();
    return compareOutputs(goldenCase, outputs);
  },
};

/** Latte without text; labels are ignored, as in the reference. */
const plainModelRunner: GoldenRunner = {
  name: "Latte",
  matches: ({ module, config }) => module.startsWith("Latte forward") && !isText(config),
  async run(goldenCase, tools) {
    const model = await load(new Latte(latteConfigOf(goldenCase)), goldenCase);
    const { x, t } = await inputsOf(goldenCase, ["x", "t"]);
    const stills = stillsOf(goldenCase);
    const outputs = await tools.call(
      goldenCase.id,
      (inputs) => {
        const batch = x!.shape[0]!;
        const output = model.predict({
          latents: inputs["x"] as tf.Tensor5D,
          stills,
          timesteps: inputs["t"] as tf.Tensor1D,
          condition: { embeddings: tf.zeros([batch, 1, 1, 1]), mask: tf.ones([batch, 1, 1]) },
        });
        return { "out.y": channelsFirstTensor(output) };
      },
      { x: latentsOf(x!), t: t! },
    );
    model.dispose();
    const expected = await goldenCase.expected();
    const withLabels: Record<string, GoldenArray> = expected.has("out.y_with_labels")
      ? { "out.y_with_labels": outputs["out.y"]! }
      : {};
    return compareOutputs(goldenCase, { ...outputs, ...withLabels });
  },
};

/** A model without layers: patches in, final layer, patches out. */
const finalLayerRunner: GoldenRunner = {
  name: "final layer",
  matches: ({ module }) => /\(LatteT2V with zero layers\)/.test(module),
  async run(goldenCase, tools) {
    const model = await load(new LatteT2V(latteConfigOf(goldenCase)), goldenCase, /^caption_projection\./);
    const { x, t } = await inputsOf(goldenCase, ["x", "t"]);
    const latents = latentsOf(x!);
    const { patch_size: patch, sample_size: sampleSize } = model.config;
    const [batch, , height, width] = latents.shape as [number, number, number, number];
    const grid: [number, number] = [height / patch, width / patch];
    const channels = model.scale_shift_table.shape[1]!;
    const table = spatialTable({ grid, sampleSize, patch, width: channels });
    const textWidth = configOf(goldenCase)["caption_channels"] as number;
    const outputs = await tools.call(
      goldenCase.id,
      (inputs) => {
        const timesteps = inputs["t"] as tf.Tensor1D;
        const tokens = model.pos_embed.forward(inputs["x"] as tf.Tensor5D, inputs["table"] as tf.Tensor2D);
        const output = model.predict({
          latents: inputs["x"] as tf.Tensor5D,
          stills: 0,
          timesteps,
          condition: { embeddings: tf.zeros([batch, 1, 1, textWidth]), mask: tf.ones([batch, 1, 1]) },
        });
        return {
          "out.y": channelsFirstTensor(output),
          "out.hidden": tf.reshape(tokens, [-1, tokens.shape[2], channels]),
          "out.embedded": model.adaln_single.forward(timesteps).embedded,
        };
      },
      { x: latents, t: t!, table: { shape: [grid[0] * grid[1], channels], data: table } },
    );
    model.dispose();
    return compareOutputs(goldenCase, outputs);
  },
};

export const modelRunners: readonly GoldenRunner[] = [textModelRunner, plainModelRunner, finalLayerRunner];
