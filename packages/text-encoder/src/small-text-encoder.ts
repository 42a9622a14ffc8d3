// A text encoder to train from nothing, for when no pretrained one is at hand.
import { ConfigError, initialize } from "@noisereel/core";
import type { Executor, Rng } from "@noisereel/core";
import type { CaptionCleaning } from "./cleaning/clean-caption.js";
import { T5Encoder } from "./t5/model.js";
import { t5TextEncoder, type TokenTextEncoder } from "./text-encoder.js";
import { byteTokenizer } from "./tokenizer/byte.js";

export interface SmallTextEncoderOptions {
  /** Width of the embeddings, a multiple of `heads`. */
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  /** Bytes of a prompt, its end token and padding included. */
  readonly maxTokens: number;
  /** Draws the weights. */
  readonly rng: Rng;
  /** Default "twice". */
  readonly clean?: CaptionCleaning;
  /** Default "error". */
  readonly tooLong?: "error" | "truncate";
  readonly executor?: Executor;
}

/**
 * A T5 v1.1 encoder over bytes, drawn by T5's own scheme: it needs no vocabulary and no downloaded weights, and is
 * trained together with the denoiser through `tokenize` and `embed`. Knows nothing of language before that.
 */
export function smallTextEncoder(options: SmallTextEncoderOptions): TokenTextEncoder {
  const { width, layers, heads, maxTokens, rng, ...rest } = options;
  if (width % heads !== 0) {
    throw new ConfigError(`width is ${width} and heads is ${heads}; use a width that the heads divide evenly`);
  }
  const tokenizer = byteTokenizer();
  const model = new T5Encoder({
    vocab_size: tokenizer.vocabularySize,
    d_model: width,
    d_kv: width / heads,
    d_ff: roundUp((width * 8) / 3, 8),
    num_layers: layers,
    num_heads: heads,
  });
  initialize(model, rng);
  return t5TextEncoder({ model, tokenizer, maxTokens, name: "small-bytes", ...rest });
}

/** A gated layer has three matrices; 8/3 of the width makes it as large as a plain one of 4 times the width. */
function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
