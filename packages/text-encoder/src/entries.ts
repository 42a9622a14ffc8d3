// Prompts and what is remembered of each, as the caches keep it on the host. B batch, C captions, L tokens, D width.
import { ShapeError, type TextCondition } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/** What an encoder made of one prompt. */
export interface Entry {
  /** `[tokens, D]`, as many tokens as there are real ones or more, at most L. */
  readonly embedding: Float32Array;
  /** `[tokens]`, 1 where a token is real. */
  readonly mask: Float32Array;
}

/** Captions of every video, C. Throws ShapeError when they have different numbers, or none. */
export function captionCount(prompts: readonly (readonly string[])[]): number {
  const captions = prompts[0]?.length ?? 0;
  if (captions > 0 && prompts.every((row) => row.length === captions)) return captions;
  throw new ShapeError(
    `prompts have [${prompts.map((row) => row.length).join(", ")}] captions; give every video the same number, at least one`,
  );
}

/** The entries of `[B][C]` prompts as one condition of L tokens, zeros where an entry has no more. The caller owns it. */
export function joinEntries(
  prompts: readonly (readonly string[])[],
  entries: ReadonlyMap<string, Entry>,
  { maxTokens, width }: { readonly maxTokens: number; readonly width: number },
): TextCondition {
  const captions = captionCount(prompts);
  const embeddings = new Float32Array(prompts.length * captions * maxTokens * width);
  const mask = new Float32Array(prompts.length * captions * maxTokens);
  for (const [i, prompt] of prompts.flat().entries()) {
    const entry = entries.get(prompt)!;
    embeddings.set(entry.embedding, i * maxTokens * width);
    mask.set(entry.mask, i * maxTokens);
  }
  return {
    embeddings: tf.tensor4d(embeddings, [prompts.length, captions, maxTokens, width]), // [B, C, L, D]
    mask: tf.tensor3d(mask, [prompts.length, captions, maxTokens]), // [B, C, L]
  };
}
