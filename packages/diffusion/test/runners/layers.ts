// Single layers and blocks of the denoiser.
import { compareOutputs, type GoldenArray, type GoldenRunner, type GoldenTools } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import type { Module } from "@noisereel/core";
import {
  AdaLayerNormSingle,
  Attention,
  CaptionProjection,
  FeedForward,
  PatchEmbed,
  ReferenceAdaLayerNormZeroBlock,
  SelfBlock,
  SpatialTextBlock,
  spatialTable,
  temporalTable,
  timestepProjection,
} from "../../src/index.js";
import { configOf, floats, inputsOf, latentsOf, load, reshaped } from "./support.js";

const epsilon = 1e-6;

interface BlockConfig {
  readonly dim: number;
  readonly heads: number;
  readonly num_classes: number;
  readonly caption_channels: number;
}

type Inputs = Readonly<Record<string, GoldenArray>>;
type Tensors = Readonly<Record<string, tf.Tensor>>;

/** A runner that builds a layer, loads it, and compares what `forward` returns by output name. */
function layerRunner<Layer extends Module>(options: {
  readonly name: string;
  readonly module: RegExp;
  readonly build: (config: BlockConfig) => Layer;
  readonly inputs: readonly string[];
  /** Changes arrays to the layouts that `forward` wants. */
  readonly arrange?: (inputs: Inputs) => Record<string, GoldenArray>;
  readonly forward: (layer: Layer, inputs: Tensors) => Record<string, tf.Tensor>;
}): GoldenRunner {
  return {
    name: options.name,
    matches: ({ module }) => options.module.test(module),
    async run(goldenCase, tools: GoldenTools) {
      const layer = await load(options.build(configOf(goldenCase) as unknown as BlockConfig), goldenCase);
      const inputs = await inputsOf(goldenCase, options.inputs);
      const arranged = options.arrange?.(inputs) ?? inputs;
      const outputs = await tools.call(goldenCase.id, (tensors) => options.forward(layer, tensors), arranged);
      layer.dispose();
      return compareOutputs(goldenCase, outputs);
    },
  };
}

const attentionOptions = ({ dim, heads }: BlockConfig) => ({ width: dim, heads });
const blockOptions = ({ dim, heads }: BlockConfig) => ({ width: dim, heads, epsilon });
const biasOf = (mask: tf.Tensor) => tf.mul(tf.sub(mask, 1), 10000);

const layerRunners: readonly GoldenRunner[] = [
  layerRunner({
    name: "adaLN-single",
    module: /^AdaLayerNormSingle/,
    build: ({ dim }) => new AdaLayerNormSingle(dim),
    inputs: ["t_int", "t_float"],
    forward(layer, inputs) {
      const outputs: Record<string, tf.Tensor> = {};
      for (const [name, timesteps] of Object.entries(inputs)) {
        const kind = name.slice("t_".length);
        const { embedded, perBlock } = layer.forward(timesteps as tf.Tensor1D);
        outputs[`out.proj_${kind}`] = timestepProjection(timesteps as tf.Tensor1D);
        outputs[`out.embedded_${kind}`] = embedded;
        outputs[`out.modulation_${kind}`] = tf.reshape(perBlock, [perBlock.shape[0], -1]);
      }
      return outputs;
    },
  }),
  layerRunner({
    name: "caption projection",
    module: /^CaptionProjection/,
    build: ({ dim, caption_channels }) => new CaptionProjection({ in: caption_channels, width: dim }),
    inputs: ["caption"],
    forward: (layer, { caption }) => ({ "out.y": layer.forward(caption!) }),
  }),
  layerRunner({
    name: "attention",
    module: /^Attention \(/,
    build: (config) => new Attention(attentionOptions(config)),
    inputs: ["q", "context", "mask"],
    forward(layer, { q, context, mask }) {
      if (context === undefined) return { "out.y": layer.forward(q as tf.Tensor3D) };
      const { keys, values } = layer.keysValues(context);
      const bias = mask === undefined ? undefined : (biasOf(mask) as tf.Tensor2D);
      const queries = layer.to_q.forward(q!) as tf.Tensor3D;
      const mixed = layer.mix(queries, keys as tf.Tensor3D, values as tf.Tensor3D, bias);
      return { "out.y": layer.to_out[0].forward(mixed) };
    },
  }),
  layerRunner({
    name: "feed forward",
    module: /^FeedForward/,
    build: ({ dim }) => new FeedForward(dim),
    inputs: ["x"],
    forward: (layer, { x }) => ({ "out.y": layer.forward(x!) }),
  }),
  layerRunner({
    name: "spatial block",
    module: /^BasicTransformerBlock \(/,
    build: (config) => new SpatialTextBlock(blockOptions(config)),
    inputs: ["x", "context", "mask", "modulation"],
    // Each row is a frame of its own: [B, 1, N, D].
    arrange: ({ x, context, mask, modulation }) => ({
      x: reshaped(x!, [x!.shape[0]!, 1, ...x!.shape.slice(1)]),
      context: reshaped(context!, [context!.shape[0]!, 1, ...context!.shape.slice(1)]),
      mask: reshaped(mask!, [mask!.shape[0]!, 1, mask!.shape[1]!]),
      modulation: reshaped(modulation!, [modulation!.shape[0]!, 6, modulation!.shape[1]! / 6]),
    }),
    forward(layer, { x, context, mask, modulation }) {
      const { keys, values } = layer.attn2.keysValues(context!) as { keys: tf.Tensor4D; values: tf.Tensor4D };
      const run = (bias: tf.Tensor) => {
        const text = { keys, values, bias: bias as tf.Tensor3D };
        return tf.squeeze(layer.forward(x as tf.Tensor4D, modulation as tf.Tensor3D, text, 1), [1]);
      };
      return { "out.y": run(biasOf(mask!)), "out.y_nomask": run(tf.zerosLike(mask!)) };
    },
  }),
  layerRunner({
    name: "temporal block",
    module: /^BasicTransformerBlock_ \(/,
    build: (config) => new SelfBlock(blockOptions(config)),
    inputs: ["x", "modulation"],
    // Each row is a token of its own: [B, F, 1, D].
    arrange: ({ x, modulation }) => ({
      x: reshaped(x!, [x!.shape[0]!, x!.shape[1]!, 1, x!.shape[2]!]),
      modulation: reshaped(modulation!, [modulation!.shape[0]!, 6, modulation!.shape[1]! / 6]),
    }),
    forward: (layer, { x, modulation }) => ({
      "out.y": tf.squeeze(layer.forward(x as tf.Tensor4D, modulation as tf.Tensor3D, "time"), [2]),
    }),
  }),
];

const adaLayerNormZeroRunner: GoldenRunner = {
  name: "adaLN-zero block",
  matches: ({ module }) => module.startsWith("BasicTransformerBlock_ with norm_type ada_norm_zero"),
  async run(goldenCase, tools) {
    const { num_classes: classes, ...config } = configOf(goldenCase) as unknown as BlockConfig;
    const block = await load(
      new ReferenceAdaLayerNormZeroBlock({ ...blockOptions({ ...config, num_classes: classes }), classes }),
      goldenCase,
    );
    const { x, t } = await inputsOf(goldenCase, ["x", "t"]);
    const { shape, data } = await goldenCase.input("y");
    const labels = { shape, data: Int32Array.from(data) };
    const outputs = await tools.call(
      goldenCase.id,
      (inputs) => ({
        "out.y": block.forward(inputs["x"] as tf.Tensor3D, inputs["t"] as tf.Tensor1D, inputs["y"] as tf.Tensor1D),
      }),
      { x: x!, t: t!, y: labels },
    );
    block.dispose();
    return compareOutputs(goldenCase, outputs);
  },
};

interface PatchConfig {
  readonly sample_size: number;
  readonly patch: number;
  readonly in_channels: number;
  readonly dim: number;
}

const patchRunner: GoldenRunner = {
  name: "patch embedding",
  matches: ({ module }) => module.startsWith("PatchEmbed"),
  async run(goldenCase, tools) {
    const { sample_size, patch, in_channels, dim } = configOf(goldenCase) as unknown as PatchConfig;
    const layer = await load(new PatchEmbed({ channels: in_channels, width: dim, patch }), goldenCase);
    const outputs: Record<string, GoldenArray> = {};
    for (const name of await goldenCase.inputNames()) {
      const { shape, data } = floats(await goldenCase.input(name)); // [B, C, H, W]
      const [batch, channels, height, width] = shape as [number, number, number, number];
      const x = latentsOf({ shape: [batch, channels, 1, height, width], data });
      const grid: [number, number] = [height / patch, width / patch];
      const table = spatialTable({ grid, sampleSize: [sample_size, sample_size], patch, width: dim });
      const { y } = await tools.call(
        `${goldenCase.id}.${name}`,
        (inputs) => ({ y: tf.squeeze(layer.forward(inputs["x"] as tf.Tensor5D, inputs["table"] as tf.Tensor2D), [1]) }),
        { x, table: { shape: [grid[0] * grid[1], dim], data: table } },
      );
      outputs[`out.${name}`] = y!;
    }
    layer.dispose();
    return compareOutputs(goldenCase, outputs);
  },
};

interface SpatialTableConfig {
  readonly key: string;
  readonly sample_size: readonly [number, number];
  readonly latent: readonly [number, number];
  readonly patch: number;
  readonly dim: number;
  readonly row_stride: number;
}

const spatialTableRunner: GoldenRunner = {
  name: "spatial position table",
  matches: ({ module }) => module.startsWith("get_2d_sincos_pos_embed"),
  async run(goldenCase) {
    const outputs: Record<string, GoldenArray> = {};
    for (const entry of goldenCase.config as unknown as readonly SpatialTableConfig[]) {
      const { patch, dim: width, sample_size: sampleSize } = entry;
      const grid: [number, number] = [entry.latent[0] / patch, entry.latent[1] / patch];
      outputs[entry.key] = everyNthRow(spatialTable({ grid, sampleSize, patch, width }), width, entry.row_stride);
    }
    return compareOutputs(goldenCase, outputs);
  },
};

function everyNthRow(table: Float32Array, width: number, stride: number): GoldenArray {
  const rows = Math.ceil(table.length / width / stride);
  const data = Float32Array.from({ length: rows * width }, (_, i) => {
    const row = Math.floor(i / width) * stride;
    return table[row * width + (i % width)]!;
  });
  return { shape: [rows, width], data };
}

interface TemporalTableConfig {
  readonly key: string;
  readonly video_length: number;
  readonly dim: number;
}

const temporalTableRunner: GoldenRunner = {
  name: "temporal position table",
  matches: ({ module }) => module.startsWith("temporal sin-cos table"),
  async run(goldenCase) {
    const outputs: Record<string, GoldenArray> = {};
    for (const { key, video_length: frames, dim: width } of goldenCase.config as unknown as TemporalTableConfig[]) {
      outputs[key] = { shape: [frames, width], data: temporalTable({ frames, videoLength: frames, width }) };
    }
    return compareOutputs(goldenCase, outputs);
  },
};

export const allLayerRunners: readonly GoldenRunner[] = [
  ...layerRunners,
  adaLayerNormZeroRunner,
  patchRunner,
  spatialTableRunner,
  temporalTableRunner,
];
