// How many tokens each caption has: the slow part of caption statistics, shared among processes where wanted.
import type { CallOptions } from "@noisereel/core";
import { doWork, type SharedWork, workKey } from "../scale/shared-work.js";
import { countWords } from "./statistics.js";

export interface CaptionLengthsOptions extends CallOptions {
  /** Tokens of a text. Default: words. */
  readonly countTokens?: ((text: string) => number) | undefined;
  /** The file that `countTokens` was made of: what was counted with another one, or with another state of it, does not count. */
  readonly tokenizer?: string | undefined;
  /** Notes what was counted and shares the work. Default: nothing is noted. */
  readonly shared?: SharedWork | undefined;
}

/**
 * The tokens of each caption of each entry, in their order; undefined for entries of other shards. Blank captions have none,
 * null instead. `captionStatistics` takes the result as `lengths`.
 */
export async function captionLengths(
  entries: readonly { readonly captions: readonly string[] }[],
  options: CaptionLengthsOptions = {},
): Promise<(readonly (number | null)[] | undefined)[]> {
  const { countTokens = countWords, tokenizer = "", shared, signal, onProgress } = options;
  return doWork<{ readonly captions: readonly string[] }, (number | null)[]>({
    items: entries,
    keyOf: ({ captions }) => workKey(tokenizer, ["caption lengths", captions]),
    work: ({ captions }) => Promise.resolve(captions.map((text) => (text.trim() === "" ? null : countTokens(text)))),
    shared,
    concurrency: 16,
    signal,
    onProgress,
  });
}
