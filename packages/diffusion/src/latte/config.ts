// The configuration of a Latte denoiser: the keys of the reference's config.json.
import { ConfigError, type Denoiser } from "@noisereel/core";
import { z } from "zod";

const positive = z.number().int().positive();
const size = z.union([positive.transform((side): [number, number] => [side, side]), z.tuple([positive, positive])]);

const schema = z.strictObject({
  /** Width of the model = heads * head width; must be divisible by 4. */
  num_attention_heads: positive.default(16),
  attention_head_dim: positive.default(72),
  /** Channels of a latent. */
  in_channels: positive.default(4),
  /** `in_channels`, or twice as many when the model learns the variance. Default `in_channels`. */
  out_channels: positive.optional(),
  /** Pairs of one spatial and one temporal block. */
  num_layers: z.number().int().nonnegative().default(28),
  /** Height and width of the latents the position table is made for; other sizes are stretched onto it. */
  sample_size: size.default([64, 64]),
  /** Latent frames of a video; it sets the scale of the temporal position table. */
  video_length: positive.default(17),
  patch_size: positive.default(2),
  patch_size_t: z.literal(1).default(1),
  /** Width of the text embeddings; null in a model without text. */
  caption_channels: positive.nullable().default(4096),
  /** Width of the projected text: the width of the model, or null in a model without text. */
  cross_attention_dim: positive.nullable().optional(),
  norm_eps: z.number().positive().default(1e-6),
  // What the reference can also be configured to do and this model cannot.
  attention_bias: z.literal(true).default(true),
  activation_fn: z.literal("gelu-approximate").default("gelu-approximate"),
  norm_type: z.literal("ada_norm_single").default("ada_norm_single"),
  norm_elementwise_affine: z.literal(false).default(false),
  attention_type: z.literal("default").default("default"),
  double_self_attention: z.literal(false).default(false),
  only_cross_attention: z.literal(false).default(false),
  use_linear_projection: z.literal(false).default(false),
  num_vector_embeds: z.null().default(null),
  dropout: z.literal(0).default(0),
  // What the reference stores and nothing reads.
  attention_mode: z.enum(["xformers", "flash", "math"]).default("math"),
  norm_num_groups: z.number().default(32),
  num_embeds_ada_norm: z.number().nullable().default(1000),
  upcast_attention: z.boolean().default(false),
  _class_name: z.string().optional(),
  _diffusers_version: z.string().optional(),
  _name_or_path: z.string().optional(),
  _use_default_values: z.array(z.string()).optional(),
  // What only noisereel writes.
  /** What the output estimates. Default `epsilon`. */
  prediction_type: z.enum(["epsilon", "v_prediction", "sample"]).default("epsilon"),
  /** Classes of a class-conditional model without text; null in others. */
  num_classes: positive.nullable().default(null),
  /** Channels of the control that LatteT2V reads beside the latents, `in_channels + 1` for `controlOf`; 0 without. */
  control_channels: z.number().int().nonnegative().default(0),
});

/** What a caller or a config.json gives; every key has a default. */
export type LatteConfigInput = z.input<typeof schema>;

/** A checked configuration, every default filled in. */
export type LatteConfig = Omit<z.output<typeof schema>, "out_channels" | "cross_attention_dim"> & {
  readonly out_channels: number;
  readonly cross_attention_dim: number | null;
};

/** Fills in defaults; throws `ConfigError` that names the key for an unknown key or a value that cannot be used. */
export function parseLatteConfig(input: LatteConfigInput): LatteConfig {
  const result = schema.safeParse(input);
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "config"}: ${message}`);
    throw new ConfigError(`the Latte configuration cannot be used: ${problems.join("; ")}; correct these keys`);
  }
  const config = result.data;
  const width = latteWidth(config);
  const outChannels = config.out_channels ?? config.in_channels;
  const textWidth = config.cross_attention_dim ?? (config.caption_channels === null ? null : width);
  if (width % 4 !== 0) {
    throw new ConfigError(
      `num_attention_heads * attention_head_dim is ${width}; the position tables need a multiple of 4`,
    );
  }
  if (outChannels !== config.in_channels && outChannels !== 2 * config.in_channels) {
    throw new ConfigError(
      `out_channels is ${outChannels} with ${config.in_channels} in_channels; use ${config.in_channels}, or ${2 * config.in_channels} to learn the variance`,
    );
  }
  if (textWidth !== null && textWidth !== width) {
    throw new ConfigError(
      `cross_attention_dim is ${textWidth} but the model is ${width} wide and the text is projected to that; use ${width}`,
    );
  }
  return { ...config, out_channels: outChannels, cross_attention_dim: textWidth };
}

/** Channels of a token. */
export function latteWidth(config: Pick<LatteConfig, "num_attention_heads" | "attention_head_dim">): number {
  return config.num_attention_heads * config.attention_head_dim;
}

const predictionNames = { epsilon: "noise", v_prediction: "velocity", sample: "sample" } as const;

/** What the output estimates, in the contract's words. */
export function predictionOf(config: Pick<LatteConfig, "prediction_type">): Denoiser["predicts"] {
  return predictionNames[config.prediction_type];
}
