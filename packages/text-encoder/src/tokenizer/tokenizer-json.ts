// Reads the `tokenizer.json` of a unigram tokenizer, the format of the tokenizers library.
import { ConfigError } from "@noisereel/core";
import { z } from "zod";
import { kindByName, type Piece, type UnigramVocabulary } from "./vocabulary.js";

const schema = z.object({
  added_tokens: z.array(z.object({ content: z.string(), special: z.boolean().default(false) })).default([]),
  normalizer: z.unknown().optional(),
  model: z.object({
    type: z.literal("Unigram").default("Unigram"),
    unk_id: z.int().nonnegative(),
    vocab: z.array(z.tuple([z.string(), z.number()])).min(1),
    byte_fallback: z.boolean().default(false),
  }),
});

/** `json`: the parsed file. Throws ConfigError when it is not a unigram tokenizer's. */
export function readTokenizerJson(json: unknown): UnigramVocabulary {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ConfigError(
      `the tokenizer.json cannot be used: ${issue!.path.join(".")}: ${issue!.message}; pass that of a T5 (unigram) tokenizer`,
      { cause: parsed.error },
    );
  }
  const { added_tokens: added, model, normalizer } = parsed.data;
  const special = new Set(added.filter((token) => token.special).map((token) => token.content));
  const pieces = model.vocab.map(([text, score], id): Piece => {
    if (id === model.unk_id) return { text, score, kind: "unknown" };
    return { text, score, kind: special.has(text) ? "control" : kindByName(text) };
  });
  const charsMap = findCharsMap(normalizer);
  return { pieces, byteFallback: model.byte_fallback, ...(charsMap === undefined ? {} : { charsMap }) };
}

/** The compiled replacement rules, wherever in the normalizer they are. */
function findCharsMap(normalizer: unknown): Uint8Array | undefined {
  if (typeof normalizer !== "object" || normalizer === null) return undefined;
  for (const [key, value] of Object.entries(normalizer)) {
    if (key === "precompiled_charsmap" && typeof value === "string") {
      return Uint8Array.from(atob(value), (character) => character.charCodeAt(0));
    }
    const inner = findCharsMap(value);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
