// Prompts as a denoiser reads them, and when the text encoder is needed.
import {
  type CallOptions,
  ConfigError,
  type MaybePromise,
  type TextCondition,
  type TextEncoder,
} from "@noisereel/core";
import { disposeCondition } from "./conditions.js";

/** What `encodePrompts` makes of prompts: no text encoder is needed afterwards. */
export interface EncodedPrompts {
  /** `[B, 1, L, W]`, one item for each prompt. */
  readonly condition: TextCondition;
  /** `[1, 1, L, W]`: the negative prompt. */
  readonly unconditional: TextCondition;
  dispose(): void;
}

/**
 * A text encoder, or a function that makes one. What a function makes is disposed as soon as the texts are encoded, so that a
 * large encoder and a large denoiser need not fit into memory together.
 */
export type TextEncoderSource = TextEncoder | (() => MaybePromise<TextEncoder>);

export interface PromptOptions extends CallOptions {
  readonly textEncoder: TextEncoderSource;
  /** One prompt, or one for each clip of a batch. */
  readonly prompt: string | readonly string[];
  /** Default the empty prompt. */
  readonly negativePrompt?: string;
}

/** Encodes the prompts and the negative prompt. The caller owns the result. */
export async function encodePrompts(options: PromptOptions): Promise<EncodedPrompts> {
  const { negativePrompt = "", signal } = options;
  const prompts = promptList(options.prompt);
  return withEncoder(options.textEncoder, async (encoder) => {
    const condition = await encoder.encode(
      prompts.map((prompt) => [prompt]),
      { signal },
    );
    try {
      const unconditional = await encoder.encode([[negativePrompt]], { signal });
      return {
        condition,
        unconditional,
        dispose() {
          disposeCondition(condition);
          disposeCondition(unconditional);
        },
      };
    } catch (error) {
      disposeCondition(condition);
      throw error;
    }
  });
}

/** As `encodePrompts`, without a negative prompt. */
export function encodePositive(options: PromptOptions): Promise<TextCondition> {
  const rows = promptList(options.prompt).map((prompt) => [prompt]);
  return withEncoder(options.textEncoder, async (encoder) => encoder.encode(rows, { signal: options.signal }));
}

export function promptList(prompt: string | readonly string[]): readonly string[] {
  const prompts = typeof prompt === "string" ? [prompt] : prompt;
  if (prompts.length === 0) throw new ConfigError("prompt is an empty list; pass at least one prompt");
  return prompts;
}

async function withEncoder<T>(source: TextEncoderSource, use: (encoder: TextEncoder) => Promise<T>): Promise<T> {
  if (typeof source !== "function") return use(source);
  const encoder = await source();
  try {
    return await use(encoder);
  } finally {
    encoder.dispose();
  }
}
