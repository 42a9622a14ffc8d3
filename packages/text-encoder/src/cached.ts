// Remembers the embeddings of prompts. L tokens, D width.
import { ConfigError, type TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { captionCount, type Entry, joinEntries } from "./entries.js";

export interface CachedOptions {
  /** Prompts kept; the one used longest ago is forgotten first. Default 1024. */
  readonly maxPrompts?: number;
}

/**
 * Encodes every prompt once and keeps the result in memory, on the host. For frozen encoders: weights that change
 * later are not noticed. `dispose` disposes the wrapped encoder too.
 */
export function cached(encoder: TextEncoder, options: CachedOptions = {}): TextEncoder {
  const maxPrompts = options.maxPrompts ?? 1024;
  if (!Number.isInteger(maxPrompts) || maxPrompts < 1) {
    throw new ConfigError(`maxPrompts is ${maxPrompts}; use a positive integer`);
  }
  const { maxTokens, width } = encoder;
  const entries = new Map<string, Entry>();

  const remember = (prompt: string, entry: Entry): void => {
    entries.delete(prompt);
    entries.set(prompt, entry); // the map's order is that of use
    for (const oldest of entries.keys()) {
      if (entries.size <= maxPrompts) break;
      entries.delete(oldest);
    }
  };

  return {
    name: `cached(${encoder.name})`,
    width,
    maxTokens,
    async encode(prompts, callOptions) {
      captionCount(prompts); // before anything is encoded
      const needed = new Map<string, Entry>();
      const unknown: string[] = [];
      for (const prompt of new Set(prompts.flat())) {
        const known = entries.get(prompt);
        if (known === undefined) unknown.push(prompt);
        else needed.set(prompt, known);
      }
      if (unknown.length > 0) {
        const condition = await encoder.encode(
          unknown.map((prompt) => [prompt]),
          callOptions,
        ); // [unknown, 1, L, D]
        try {
          const [embeddings, masks] = await Promise.all([condition.embeddings.data(), condition.mask.data()]);
          const size = maxTokens * width;
          unknown.forEach((prompt, i) =>
            needed.set(prompt, {
              embedding: Float32Array.from(embeddings.subarray(i * size, (i + 1) * size)),
              mask: Float32Array.from(masks.subarray(i * maxTokens, (i + 1) * maxTokens)),
            }),
          );
        } finally {
          tf.dispose([condition.embeddings, condition.mask]);
        }
      }
      for (const [prompt, entry] of needed) remember(prompt, entry);
      return joinEntries(prompts, needed, encoder);
    },
    dispose() {
      entries.clear();
      encoder.dispose();
    },
  };
}
