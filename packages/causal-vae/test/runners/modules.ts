// Single layers and blocks: every input `x_*` gives the output `y_*`.
import { Module, silu } from "@noisereel/core";
import type { GoldenRunner } from "@noisereel/testing";
import type * as tf from "@tensorflow/tfjs";
import { AttnBlock, AttnBlock3D, TemporalAttnBlock } from "../../src/attention.js";
import { CausalConv3d } from "../../src/conv.js";
import { Downsample, Upsample } from "../../src/image.js";
import { TimeDownsampleRes2x, TimeUpsampleRes2x } from "../../src/mixed-resample.js";
import { Normalize } from "../../src/normalization.js";
import { SpatialDownsample2x, SpatialUpsample2x, TimeDownsample2x, TimeUpsample2x } from "../../src/resample.js";
import { ResnetBlock2D, ResnetBlock3D } from "../../src/resnet.js";
import { callLast, compare, configOf, type JsonObject, lastInputs, loadWeights } from "./support.js";

type Layer = Module & { forward(x: tf.Tensor5D): tf.Tensor5D };

const normalize = { groups: 32, statistics: "clip" } as const;
const number = (config: JsonObject, key: string): number => config[key] as number;
const channels = (config: JsonObject) => ({ in: number(config, "chan_in"), out: number(config, "chan_out") });
const resnet = (config: JsonObject) => ({
  in: number(config, "in_channels"),
  out: number(config, "out_channels"),
  normalize,
});
const attention = (config: JsonObject) => ({ channels: number(config, "in_channels"), normalize });

/** By the reference's class names. */
const layers: Readonly<Record<string, (config: JsonObject) => Layer>> = {
  CausalConv3d: convolution,
  "Normalize + nonlinearity": (config) => new Activation(number(config, "channels"), number(config, "groups")),
  ResnetBlock3D: (config) => new ResnetBlock3D(resnet(config)),
  ResnetBlock2D: (config) => new ResnetBlock2D(resnet(config)),
  AttnBlock3D: (config) => new AttnBlock3D({ ...attention(config), grouping: "scrambled" }),
  AttnBlock3DFix: (config) => new AttnBlock3D({ ...attention(config), grouping: "per-frame" }),
  AttnBlock: (config) => new AttnBlock(attention(config)),
  TemporalAttnBlock: (config) => new TemporalAttnBlock(attention(config)),
  SpatialDownsample2x: (config) => new SpatialDownsample2x(channels(config)),
  SpatialUpsample2x: (config) => new SpatialUpsample2x(channels(config)),
  TimeDownsample2x: () => new TimeDownsample2x(),
  TimeUpsample2x: () => new TimeUpsample2x(),
  Downsample: (config) => new Downsample(number(config, "channels")),
  Upsample: (config) => new Upsample(number(config, "channels")),
};

/** Layers whose width is only in their weights. */
const mixing: Readonly<Record<string, (width: number) => Layer>> = {
  TimeDownsampleRes2x: (width) => new TimeDownsampleRes2x(width),
  TimeUpsampleRes2x: (width) => new TimeUpsampleRes2x(width),
};

export const moduleRunner: GoldenRunner = {
  name: "causal-vae modules",
  matches: ({ module }) => module in layers || module in mixing,
  async run(goldenCase, tools) {
    const { module } = goldenCase;
    const names = await goldenCase.inputNames();
    const inputs = await lastInputs(goldenCase, names);
    const layer = layers[module]?.(configOf(goldenCase)) ?? mixing[module]!(inputs[names[0]!]!.shape[4]!);
    try {
      if ([...layer.namedParameters()].length > 0) await loadWeights(layer, goldenCase);
      const outputs = await callLast(
        tools,
        module,
        (tensors) =>
          Object.fromEntries(
            names.map((name) => [name.replace("x_", "y_"), layer.forward(tensors[name] as tf.Tensor5D)]),
          ),
        inputs,
      );
      return await compare(goldenCase, outputs);
    } finally {
      layer.dispose();
    }
  },
};

/** Normalisation and swish, under the name that the case stores the weights by. */
class Activation extends Module {
  readonly norm: Normalize;

  constructor(width: number, groups: number) {
    super();
    this.norm = new Normalize(width, { groups, statistics: "clip" });
  }

  forward(x: tf.Tensor5D): tf.Tensor5D {
    return silu(this.norm.forward(x));
  }
}

function convolution(config: JsonObject): Layer {
  const triple = (key: string, otherwise: number): [number, number, number] => {
    const value = (config[key] ?? otherwise) as number | readonly number[];
    return typeof value === "number" ? [value, value, value] : [value[0]!, value[1]!, value[2]!];
  };
  const [, vertical, horizontal] = triple("padding", 0);
  return new CausalConv3d({
    ...channels(config),
    kernel: triple("kernel_size", 1),
    strides: triple("stride", 1),
    pad: [
      [vertical, vertical],
      [horizontal, horizontal],
    ],
  });
}
