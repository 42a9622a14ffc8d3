// Latents after `post_quant_conv` to clips.
import { ConfigError, Module, type Parameter, silu } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { CausalVaeConfig } from "./config.js";
import { sequence } from "./frames.js";
import { Level, Middle } from "./levels.js";
import { type Block, createConvolution, createSpatialUpsample, createTimeUpsample, normalization } from "./members.js";
import { Normalize } from "./normalization.js";
import { type Past, wholeClip } from "./past.js";

export class Decoder extends Module {
  readonly conv_in: Block;
  readonly mid: Middle;
  /** Finest first, run from the last to the first. */
  readonly up: readonly Level[];
  readonly norm_out: Normalize;
  readonly conv_out: Block;

  constructor(config: CausalVaeConfig) {
    super();
    const widths = config.hidden_size_mult.map((factor) => factor * config.hidden_size);
    const first = widths.at(-1)!;
    this.conv_in = createConvolution(config.decoder_conv_in, { in: config.z_channels, out: first }, 3);
    this.mid = new Middle({
      config,
      channels: first,
      resnet: config.decoder_mid_resnet,
      attention: config.decoder_attention,
    });
    let resolution = Math.floor(config.resolution / 2 ** (widths.length - 1));
    const coarsestFirst = widths.toReversed().map((out, position) => {
      const index = widths.length - 1 - position;
      const spatial = config.decoder_spatial_upsample[index]!;
      const temporal = config.decoder_temporal_upsample[index]!;
      const attention = config.attn_resolutions.includes(resolution) ? config.decoder_attention : null;
      if (spatial !== "") resolution *= 2;
      return new Level({
        config,
        in: position === 0 ? first : widths[index + 1]!,
        out,
        blocks: config.num_res_blocks + 1,
        resnet: config.decoder_resnet_blocks[index]!,
        attention,
        upsample: spatial === "" ? null : createSpatialUpsample(spatial, out),
        timeUpsample: temporal === "" ? null : createTimeUpsample(temporal, out, config),
      });
    });
    this.up = coarsestFirst.toReversed();
    this.norm_out = new Normalize(widths[0]!, normalization(config));
    this.conv_out = createConvolution(config.decoder_conv_out, { in: widths[0]!, out: 3 }, 3);
  }

  /** The kernel of the last layer, whose gradients balance an adversarial loss. */
  get lastWeight(): Parameter {
    for (const [name, parameter] of this.conv_out.namedParameters()) if (name.endsWith("weight")) return parameter;
    throw new ConfigError("the decoder's conv_out has no weight; choose a convolution for decoder_conv_out");
  }

  /** `z`: `[B, T', H', W', z_channels]`; result `[B, T, H, W, 3]`. */
  forward(z: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() => this.conv_out.forward(this.features(z, past), past));
  }

  /** What the last convolution reads: `[B, T, H, W, C]`. */
  features(z: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() =>
      sequence(z, [
        (input) => this.conv_in.forward(input, past),
        ...this.mid.steps(past),
        ...this.up.toReversed().flatMap((level) => level.steps(past)),
        (hidden) => tf.tidy(() => silu(this.norm_out.forward(hidden))),
      ]),
    );
  }
}
