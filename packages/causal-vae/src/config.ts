// A model's configuration: the keys of the reference's config.json, and a few of ours.
import { ConfigError } from "@noisereel/core";
import { z } from "zod";
import {
  attentionNames,
  convolutionNames,
  resnetNames,
  spatialDownsampleNames,
  spatialUpsampleNames,
  timeDownsampleNames,
  timeUpsampleNames,
} from "./names.js";

const positive = z.int().min(1);
const block = <const Names extends readonly [string, ...string[]]>(names: Names) => z.enum(names);
/** One name for each level, "" for none. */
const levels = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.array(z.union([z.literal(""), z.enum(names)]));

const schema = z.strictObject({
  /** Channels of the first level. */
  hidden_size: positive.default(128),
  /** Factor on `hidden_size` for each level; its length is the number of levels. */
  hidden_size_mult: z.array(positive).min(1).default([1, 2, 4, 4]),
  /** Residual blocks of an encoder level; a decoder level has one more. */
  num_res_blocks: positive.default(2),
  /** Channels between the encoder and `quant_conv`. */
  z_channels: positive.default(4),
  /** Channels of a latent. */
  embed_dim: positive.default(4),
  /** Frame size that `attn_resolutions` counts from. */
  resolution: positive.default(256),
  /** Frame sizes whose levels have attention after every residual block. */
  attn_resolutions: z.array(positive).default([]),
  /** Only a model that predicts mean and log variance is implemented. */
  double_z: z.literal(true, "must be true: the encoder predicts a mean and a log variance").default(true),
  /** Only 0 is implemented, the released value. */
  dropout: z.literal(0, "must be 0: residual blocks have no dropout").default(0),
  q_conv: block(convolutionNames).default("CausalConv3d"),
  encoder_conv_in: block(convolutionNames).default("CausalConv3d"),
  encoder_conv_out: block(convolutionNames).default("CausalConv3d"),
  encoder_attention: block(attentionNames).default("AttnBlock3D"),
  encoder_mid_resnet: block(resnetNames).default("ResnetBlock3D"),
  encoder_resnet_blocks: z.array(block(resnetNames)).optional(),
  encoder_spatial_downsample: levels(spatialDownsampleNames).optional(),
  encoder_temporal_downsample: levels(timeDownsampleNames).optional(),
  decoder_conv_in: block(convolutionNames).default("CausalConv3d"),
  decoder_conv_out: block(convolutionNames).default("CausalConv3d"),
  decoder_attention: block(attentionNames).default("AttnBlock3D"),
  decoder_mid_resnet: block(resnetNames).default("ResnetBlock3D"),
  decoder_resnet_blocks: z.array(block(resnetNames)).optional(),
  decoder_spatial_upsample: levels(spatialUpsampleNames).optional(),
  decoder_temporal_upsample: levels(timeUpsampleNames).optional(),

  // How the reference trains; kept so that a folder can be saved again, read by nothing here.
  lr: z.number().optional(),
  loss_type: z.string().optional(),
  loss_params: z.record(z.string(), z.json()).optional(),
  _class_name: z.string().optional(),
  _diffusers_version: z.string().optional(),
  _name_or_path: z.string().optional(),

  /**
   * What `AttnBlock3D` attends over. "scrambled" mixes channels and frames as the released weights expect; "per-frame"
   * is attention over the positions of a frame. Default: "scrambled". `AttnBlock3DFix` is always per frame.
   */
  attention: z.enum(["scrambled", "per-frame"]).default("scrambled"),
  /** Group norm statistics over the whole clip, as released, or over each frame (causal). Default: "clip". */
  normalization: z.enum(["clip", "per-frame"]).default("clip"),
  /** Temporal upsampling looks half a frame ahead, as released, or only back (causal). Default: "linear". */
  time_upsample: z.enum(["linear", "causal"]).default("linear"),
  /** Groups of every normalisation. Default 32. */
  norm_num_groups: positive.default(32),
  /** Factor from posterior samples to the latents that a denoiser sees. Default 0.18215. */
  latent_scale: z.number().positive().default(0.18215),
});

/** What a config.json may hold: every key is optional. */
export type CausalVaeConfigInput = z.input<typeof schema>;

/** A complete configuration. The keys are those of config.json. */
export type CausalVaeConfig = Complete<Omit<z.output<typeof schema>, Unread>> & Pick<z.output<typeof schema>, Unread>;

type Unread = "lr" | "loss_type" | "loss_params" | "_class_name" | "_diffusers_version" | "_name_or_path";
type Complete<T> = { readonly [Key in keyof T]-?: Exclude<T[Key], undefined> };

/** Checks a configuration and fills in the reference's defaults. Throws `ConfigError` naming every wrong key. */
export function parseConfig(input: unknown): CausalVaeConfig {
  const result = schema.safeParse(input);
  if (!result.success) {
    throw new ConfigError(`the VAE's configuration cannot be used: ${result.error.issues.map(describe).join("; ")}`);
  }
  const count = result.data.hidden_size_mult.length;
  const everywhere = <T>(value: T): T[] => Array.from({ length: count }, () => value);
  const config: CausalVaeConfig = {
    ...result.data,
    encoder_resnet_blocks: result.data.encoder_resnet_blocks ?? everywhere("ResnetBlock3D"),
    decoder_resnet_blocks: result.data.decoder_resnet_blocks ?? everywhere("ResnetBlock3D"),
    encoder_spatial_downsample:
      result.data.encoder_spatial_downsample ??
      everywhere("").map((_, level) => (level < count - 1 ? "SpatialDownsample2x" : "")),
    decoder_spatial_upsample:
      result.data.decoder_spatial_upsample ?? everywhere("").map((_, level) => (level > 0 ? "SpatialUpsample2x" : "")),
    // The reference's defaults, which are not the released model's (0 and 1): its config.json names them.
    encoder_temporal_downsample:
      result.data.encoder_temporal_downsample ??
      everywhere("").map((_, level) => (level > 0 && level < count - 1 ? "TimeDownsample2x" : "")),
    decoder_temporal_upsample:
      result.data.decoder_temporal_upsample ?? everywhere("").map((_, level) => (level > 1 ? "TimeUpsample2x" : "")),
  };
  checkLevels(config);
  checkGroups(config);
  return config;
}

/** The keys of a config.json: ours only where they differ from the reference's behaviour, so that it can read the file. */
export function storedConfig(config: CausalVaeConfig): Record<string, unknown> {
  const ours = ["attention", "normalization", "time_upsample", "norm_num_groups", "latent_scale"] as const;
  const defaults = schema.parse({});
  const stored: Record<string, unknown> = { _class_name: "CausalVAEModel", ...config };
  for (const key of ours) if (stored[key] === defaults[key]) delete stored[key];
  return stored;
}

/** True when no output depends on a later frame. */
export function isCausal(config: CausalVaeConfig): boolean {
  const attentionIsCausal = (name: string): boolean =>
    name === "AttnBlock3DFix" || name === "AttnBlock" || (name === "AttnBlock3D" && config.attention === "per-frame");
  const upsamples = config.decoder_temporal_upsample.some((name) => name !== "");
  return (
    attentionIsCausal(config.encoder_attention) &&
    attentionIsCausal(config.decoder_attention) &&
    config.normalization === "per-frame" &&
    (config.time_upsample === "causal" || !upsamples)
  );
}

function checkLevels(config: CausalVaeConfig): void {
  const count = config.hidden_size_mult.length;
  const perLevel = [
    "encoder_resnet_blocks",
    "encoder_spatial_downsample",
    "encoder_temporal_downsample",
    "decoder_resnet_blocks",
    "decoder_spatial_upsample",
    "decoder_temporal_upsample",
  ] as const;
  for (const key of perLevel) {
    if (config[key].length !== count) {
      throw new ConfigError(
        `${key} has ${config[key].length} entries but hidden_size_mult has ${count}; give one for each level ("" for none)`,
      );
    }
  }
  for (const key of ["encoder_spatial_downsample", "encoder_temporal_downsample"] as const) {
    const last = config[key][count - 1];
    if (last !== "") {
      throw new ConfigError(
        `${key}[${count - 1}] is ${last} but nothing reads the last level's resampled frames; use ""`,
      );
    }
  }
  const pairs = [
    ["encoder_spatial_downsample", "decoder_spatial_upsample"],
    ["encoder_temporal_downsample", "decoder_temporal_upsample"],
  ] as const;
  for (const [down, up] of pairs) {
    const downs = config[down].filter((name) => name !== "").length;
    const ups = config[up].filter((name) => name !== "").length;
    if (downs !== ups) throw new ConfigError(`${down} names ${downs} blocks but ${up} ${ups}; name as many in both`);
  }
}

function checkGroups(config: CausalVaeConfig): void {
  const groups = config.norm_num_groups;
  for (const factor of config.hidden_size_mult) {
    const channels = factor * config.hidden_size;
    if (channels % groups !== 0) {
      throw new ConfigError(
        `norm_num_groups is ${groups}, which does not divide the ${channels} channels of a level; choose a divisor of hidden_size (${config.hidden_size})`,
      );
    }
  }
}

function describe(issue: z.core.$ZodIssue): string {
  const where = issue.path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return `unknown key ${issue.keys.join(", ")}; known keys: ${Object.keys(schema.shape).join(", ")}`;
  }
  return where === "" ? issue.message : `${where}: ${issue.message}`;
}
