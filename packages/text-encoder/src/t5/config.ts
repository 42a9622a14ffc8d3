// The sizes of a T5 encoder, spelled as in the `config.json` of its checkpoints.
import { ConfigError } from "@noisereel/core";
import { z } from "zod";

const positive = z.int().positive();

const schema = z.strictObject({
  /** Rows of the embedding table; may exceed the tokenizer's vocabulary. */
  vocab_size: positive.default(32128),
  /** Width of embeddings and outputs. */
  d_model: positive,
  /** Width of one attention head. `num_heads * d_kv` need not be `d_model`. */
  d_kv: positive,
  /** Width inside the feed-forward layers. */
  d_ff: positive,
  num_layers: positive,
  num_heads: positive,
  /** Rows of the table of position biases; half for keys before the query, half for keys after it. */
  relative_attention_num_buckets: positive.multipleOf(4).default(32),
  /** Distance from which on all keys share a bias. */
  relative_attention_max_distance: positive.default(128),
  /** Only the v1.1 form, a tanh GELU gate. */
  feed_forward_proj: z.literal("gated-gelu").default("gated-gelu"),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  /** Kept for the file; dropout is never applied. */
  dropout_rate: z.number().min(0).max(1).default(0.1),
});

export type T5Config = Readonly<z.output<typeof schema>>;
export type T5ConfigInput = Readonly<z.input<typeof schema>>;

/** Keys of transformers' files that say nothing about the encoder's numbers; they are dropped. */
export const ignoredT5ConfigKeys: readonly string[] = [
  "_name_or_path",
  "architectures",
  "bos_token_id",
  "classifier_dropout",
  "decoder_start_token_id",
  "dense_act_fn",
  "dtype",
  "eos_token_id",
  "gradient_checkpointing",
  "initializer_factor",
  "is_decoder",
  "is_encoder_decoder",
  "is_gated_act",
  "max_length",
  "model_type",
  "n_positions",
  "num_decoder_layers",
  "output_past",
  "pad_token_id",
  "scale_decoder_outputs",
  "task_specific_params",
  "tie_word_embeddings",
  "tokenizer_class",
  "torch_dtype",
  "transformers_version",
  "use_cache",
];

/**
 * Fills defaults and rejects what is not understood.
 *
 * @throws ConfigError that names the key.
 */
export function parseT5Config(config: unknown): T5Config {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new ConfigError(`the T5 configuration is ${JSON.stringify(config)}; pass the object of a config.json`);
  }
  const kept = Object.fromEntries(Object.entries(config).filter(([key]) => !ignoredT5ConfigKeys.includes(key)));
  const parsed = schema.safeParse(kept);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".") || "the object"}: ${issue.message}`);
    throw new ConfigError(`the T5 configuration cannot be used: ${faults.join("; ")}; correct or remove these keys`, {
      cause: parsed.error,
    });
  }
  return parsed.data;
}
