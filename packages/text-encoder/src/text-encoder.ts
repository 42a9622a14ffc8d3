// A text encoder made of a tokenizer and a T5 model. B batch, C captions, L tokens, D width.
import { ConfigError } from "@noisereel/core";
import type { Executor, TextCondition, TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { captionCount } from "./entries.js";
import { assertCaption, type CaptionCleaning } from "./cleaning/clean-caption.js";
import type { T5Encoder } from "./t5/model.js";
import type { Tokenizer } from "./tokenizer/tokenizer.js";

export interface T5TextEncoderOptions {
  /** Owned by the text encoder: its `dispose` disposes the model. */
  readonly model: T5Encoder;
  readonly tokenizer: Tokenizer;
  /** Tokens of every prompt, its end token and padding included. Default 300. */
  readonly maxTokens?: number;
  /** What happens to a prompt before it is tokenised. Default "twice", as in training the reference. */
  readonly clean?: CaptionCleaning;
  /** What to do with a prompt of more than `maxTokens` tokens. Default "error". */
  readonly tooLong?: "error" | "truncate";
  /** Runs the model in `encode`; left out, it runs eagerly on the active tfjs backend. */
  readonly executor?: Executor;
  /** Default "t5". */
  readonly name?: string;
}

/** Prompts as integers. */
export interface TokenizedPrompts {
  /** `[B, C, L]`, int32. */
  readonly ids: tf.Tensor3D;
  /** `[B, C, L]`, float32, 1 where a token is real. */
  readonly mask: tf.Tensor3D;
}

/** A text encoder whose two halves can be called on their own: tokenising is host work, embedding is differentiable. */
export interface TokenTextEncoder extends TextEncoder {
  readonly model: T5Encoder;
  readonly tokenizer: Tokenizer;
  /**
   * Cleans and tokenises. `prompts[b][c]`: every video has the same number of captions; "" is the empty prompt of
   * caption dropout and of guidance.
   *
   * @throws ConfigError for a prompt that cleaning leaves empty, and for one that is too long.
   */
  tokenize(prompts: readonly (readonly string[])[]): TokenizedPrompts;
  /**
   * `ids`, `mask`: `[B, C, L]`; result `[B, C, L, D]`. Synchronous and reads nothing back, so it runs inside a gradient
   * and a trace.
   */
  embed(ids: tf.Tensor3D, mask: tf.Tensor3D): tf.Tensor4D;
}

/** The contract's `TextEncoder` by a T5 model. */
export function t5TextEncoder(options: T5TextEncoderOptions): TokenTextEncoder {
  const { model, tokenizer, maxTokens = 300, clean = "twice", tooLong = "error" } = options;
  if (tokenizer.vocabularySize > model.config.vocab_size) {
    throw new ConfigError(
      `tokenizer ${tokenizer.name} has ${tokenizer.vocabularySize} tokens but the model's vocab_size is ${model.config.vocab_size}; use the tokenizer that belongs to the model`,
    );
  }
  if (!Number.isInteger(maxTokens) || maxTokens < 2) {
    throw new ConfigError(`maxTokens is ${maxTokens}; use an integer of at least 2, such as 300`);
  }
  const width = model.config.d_model;

  const tokenizeOne = (prompt: string) => {
    const text = prompt === "" ? "" : assertCaption(prompt, clean);
    const tokens = tokenizer.encode(text, { maxTokens });
    if (tooLong === "error" && tokens.length > maxTokens) {
      throw new ConfigError(
        `prompt ${JSON.stringify(shorten(prompt))} has ${tokens.length} tokens but maxTokens is ${maxTokens}; shorten it, raise maxTokens, or set tooLong to "truncate"`,
      );
    }
    return tokens;
  };

  const tokenize = (prompts: readonly (readonly string[])[]): TokenizedPrompts => {
    const captions = captionCount(prompts);
    const tokens = prompts.flat().map(tokenizeOne);
    const shape: [number, number, number] = [prompts.length, captions, maxTokens];
    return {
      ids: tf.tensor3d(concatenate(tokens.map(({ ids }) => ids)), shape, "int32"),
      mask: tf.tensor3d(concatenate(tokens.map(({ mask }) => mask)), shape, "float32"),
    };
  };

  const embed = (ids: tf.Tensor3D, mask: tf.Tensor3D): tf.Tensor4D =>
    tf.tidy(() => {
      const [batch, captions, length] = ids.shape;
      const rows = batch * captions;
      const output = model.forward(tf.reshape(ids, [rows, length]), tf.reshape(mask, [rows, length])); // [B*C, L, D]
      return tf.reshape(output, [batch, captions, length, width]);
    });

  const executable = options.executor?.compile(
    ({ ids, mask }) => ({ embeddings: embed(ids as tf.Tensor3D, mask as tf.Tensor3D) }),
    { name: options.name ?? "t5", weights: "constant" },
  );

  return {
    name: options.name ?? "t5",
    width,
    maxTokens,
    model,
    tokenizer,
    tokenize,
    embed,
    async encode(prompts, callOptions): Promise<TextCondition> {
      callOptions?.signal?.throwIfAborted();
      const { ids, mask } = tokenize(prompts);
      try {
        if (executable === undefined) return { embeddings: embed(ids, mask), mask };
        const { embeddings } = await executable.run({ ids, mask }, { signal: callOptions?.signal });
        return { embeddings: embeddings as tf.Tensor4D, mask };
      } catch (error) {
        mask.dispose();
        throw error;
      } finally {
        ids.dispose();
      }
    },
    dispose() {
      executable?.dispose();
      model.dispose();
    },
  };
}

function concatenate(rows: readonly ArrayLike<number>[]): Int32Array {
  const length = rows[0]?.length ?? 0;
  const result = new Int32Array(rows.length * length);
  rows.forEach((row, index) => result.set(row, index * length));
  return result;
}

function shorten(prompt: string): string {
  return prompt.length > 60 ? `${prompt.slice(0, 60)}…` : prompt;
}
