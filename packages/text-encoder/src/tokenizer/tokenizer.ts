// What turns a prompt into the integers that a text encoder reads.
import { ConfigError } from "@noisereel/core";

export interface TokenizedText {
  /** `[maxTokens]`: the tokens, the end token, then padding. */
  readonly ids: Int32Array;
  /** `[maxTokens]`: 1 for tokens and the end token, 0 for padding. */
  readonly mask: Uint8Array;
  /** Tokens of the whole text with its end token; above `maxTokens` the text was cut. */
  readonly length: number;
}

export interface Tokenizer {
  readonly name: string;
  /** Ids are in [0, vocabularySize); an encoder's table needs at least so many rows. */
  readonly vocabularySize: number;
  readonly padId: number;
  /** Ends every text, also one that was cut. */
  readonly endId: number;
  /** `maxTokens`: length of the result, the end token included; at least 1. */
  encode(text: string, options: { readonly maxTokens: number }): TokenizedText;
  /** The text of ids up to the end token, as far as it can be had back. */
  decode(ids: Iterable<number>): string;
}

/** Cuts `tokens` to leave room for the end token, ends and pads them. */
export function endAndPad(
  tokens: readonly number[],
  options: { readonly maxTokens: number; readonly padId: number; readonly endId: number },
): TokenizedText {
  const { maxTokens, padId, endId } = options;
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    throw new ConfigError(`maxTokens is ${maxTokens}; use a positive integer, such as 300`);
  }
  const kept = tokens.slice(0, maxTokens - 1);
  const ids = new Int32Array(maxTokens).fill(padId);
  ids.set([...kept, endId]);
  return { ids, mask: new Uint8Array(maxTokens).fill(1, 0, kept.length + 1), length: tokens.length + 1 };
}
