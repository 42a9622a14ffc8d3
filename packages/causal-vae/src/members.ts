// From the names in a configuration to the blocks they mean: the one place that knows both.
import type * as tf from "@tensorflow/tfjs";
import type { Module } from "@noisereel/core";
import { AttnBlock, AttnBlock3D, type AttentionBlockOptions, TemporalAttnBlock } from "./attention.js";
import type { CausalVaeConfig } from "./config.js";
import { CausalConv3d } from "./conv.js";
import { Conv2d, Downsample, Upsample } from "./image.js";
import { TimeDownsampleRes2x, TimeUpsampleRes2x } from "./mixed-resample.js";
import type {
  AttentionName,
  ConvolutionName,
  ResnetName,
  SpatialDownsampleName,
  SpatialUpsampleName,
  TimeDownsampleName,
  TimeUpsampleName,
} from "./names.js";
import type { NormalizeOptions } from "./normalization.js";
import type { Past } from "./past.js";
import { SpatialDownsample2x, SpatialUpsample2x, TimeDownsample2x, TimeUpsample2x } from "./resample.js";
import { ResnetBlock2D, ResnetBlock3D, type ResnetOptions } from "./resnet.js";

/** A part of the encoder or the decoder: clips in, clips out. */
export type Block = Module & { forward(x: tf.Tensor5D, past?: Past): tf.Tensor5D };

/** A convolution of `size` pixels each way that keeps height, width and time. */
export function createConvolution(
  name: ConvolutionName,
  channels: { readonly in: number; readonly out: number },
  size: 1 | 3,
): Block {
  const margin = (size - 1) / 2;
  const pad = [
    [margin, margin],
    [margin, margin],
  ] as const;
  const create: Record<ConvolutionName, () => Block> = {
    CausalConv3d: () => new CausalConv3d({ ...channels, kernel: [size, size, size], pad }),
    Conv2d: () => new Conv2d({ ...channels, kernel: [size, size], pad }),
  };
  return create[name]();
}

export function createResnet(name: ResnetName, options: ResnetOptions): Block {
  const create: Record<ResnetName, () => Block> = {
    ResnetBlock3D: () => new ResnetBlock3D(options),
    ResnetBlock2D: () => new ResnetBlock2D(options),
  };
  return create[name]();
}

export function createAttention(name: AttentionName, channels: number, config: CausalVaeConfig): Block {
  const options: AttentionBlockOptions = { channels, normalize: normalization(config) };
  const create: Record<AttentionName, () => Block> = {
    AttnBlock3D: () => new AttnBlock3D({ ...options, grouping: config.attention }),
    AttnBlock3DFix: () => new AttnBlock3D({ ...options, grouping: "per-frame" }),
    AttnBlock: () => new AttnBlock(options),
    TemporalAttnBlock: () => new TemporalAttnBlock(options),
  };
  return create[name]();
}

export function createSpatialDownsample(name: SpatialDownsampleName, channels: number): Block {
  const create: Record<SpatialDownsampleName, () => Block> = {
    SpatialDownsample2x: () => new SpatialDownsample2x({ in: channels, out: channels }),
    Downsample: () => new Downsample(channels),
  };
  return create[name]();
}

export function createSpatialUpsample(name: SpatialUpsampleName, channels: number): Block {
  const create: Record<SpatialUpsampleName, () => Block> = {
    SpatialUpsample2x: () => new SpatialUpsample2x({ in: channels, out: channels }),
    Upsample: () => new Upsample(channels),
  };
  return create[name]();
}

export function createTimeDownsample(name: TimeDownsampleName, channels: number): Block {
  const create: Record<TimeDownsampleName, () => Block> = {
    TimeDownsample2x: () => new TimeDownsample2x(),
    TimeDownsampleRes2x: () => new TimeDownsampleRes2x(channels),
  };
  return create[name]();
}

export function createTimeUpsample(name: TimeUpsampleName, channels: number, config: CausalVaeConfig): Block {
  const create: Record<TimeUpsampleName, () => Block> = {
    TimeUpsample2x: () => new TimeUpsample2x(config.time_upsample),
    TimeUpsampleRes2x: () => new TimeUpsampleRes2x(channels, config.time_upsample),
  };
  return create[name]();
}

export function normalization(config: CausalVaeConfig): NormalizeOptions {
  return { groups: config.norm_num_groups, statistics: config.normalization };
}
