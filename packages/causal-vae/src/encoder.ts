// Clips to latent moments before `quant_conv`.
import { Module, silu } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { CausalVaeConfig } from "./config.js";
import { sequence } from "./frames.js";
import { Level, Middle } from "./levels.js";
import {
  type Block,
  createConvolution,
  createSpatialDownsample,
  createTimeDownsample,
  normalization,
} from "./members.js";
import { Normalize } from "./normalization.js";
import { type Past, wholeClip } from "./past.js";

export class Encoder extends Module {
  readonly conv_in: Block;
  readonly down: readonly Level[];
  readonly mid: Middle;
  readonly norm_out: Normalize;
  readonly conv_out: Block;

  constructor(config: CausalVaeConfig) {
    super();
    const widths = config.hidden_size_mult.map((factor) => factor * config.hidden_size);
    const last = widths.at(-1)!;
    this.conv_in = createConvolution(config.encoder_conv_in, { in: 3, out: config.hidden_size }, 3);
    let resolution = config.resolution;
    this.down = widths.map((out, index) => {
      const spatial = config.encoder_spatial_downsample[index]!;
      const temporal = config.encoder_temporal_downsample[index]!;
      const attention = config.attn_resolutions.includes(resolution) ? config.encoder_attention : null;
      if (spatial !== "") resolution = Math.floor(resolution / 2);
      return new Level({
        config,
        in: index === 0 ? config.hidden_size : widths[index - 1]!,
        out,
        blocks: config.num_res_blocks,
        resnet: config.encoder_resnet_blocks[index]!,
        attention,
        downsample: spatial === "" ? null : createSpatialDownsample(spatial, out),
        timeDownsample: temporal === "" ? null : createTimeDownsample(temporal, out),
      });
    });
    this.mid = new Middle({
      config,
      channels: last,
      resnet: config.encoder_mid_resnet,
      attention: config.encoder_attention,
    });
    this.norm_out = new Normalize(last, normalization(config));
    this.conv_out = createConvolution(config.encoder_conv_out, { in: last, out: 2 * config.z_channels }, 3);
  }

  /** `x`: `[B, T, H, W, 3]`; result `[B, T', H', W', 2 * z_channels]`. */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() =>
      sequence(x, [
        (input) => this.conv_in.forward(input, past),
        ...this.down.flatMap((level) => level.steps(past)),
        ...this.mid.steps(past),
        (hidden) => tf.tidy(() => silu(this.norm_out.forward(hidden))),
        (hidden) => this.conv_out.forward(hidden, past),
      ]),
    );
  }
}
