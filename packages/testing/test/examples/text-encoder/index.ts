// A text encoder as another author would write it: words hashed to fixed vectors, without weights or a vocabulary.
import { ConfigError, createRng, ShapeError, type TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

export interface HashedWordsOptions {
  /** Numbers of each token, even. Default 32. */
  readonly width?: number;
  /** Words of a prompt and its end. Default 16; a longer prompt is refused. */
  readonly maxTokens?: number;
}

/**
 * Every word is a normal vector that its letters determine, plus sines of its place. Prompts that share words are near each
 * other, which is all that a small collection of captions needs.
 */
export function hashedWords(options: HashedWordsOptions = {}): TextEncoder {
  const { width = 32, maxTokens = 16 } = options;
  if (!Number.isInteger(width) || width < 2 || width % 2 !== 0) {
    throw new ConfigError(`width is ${width}; use an even positive integer, such as 32`);
  }
  return {
    name: "hashed-words",
    width,
    maxTokens,
    encode(prompts, call) {
      call?.signal?.throwIfAborted();
      const captions = prompts[0]?.length ?? 0;
      if (captions === 0 || prompts.some((row) => row.length !== captions)) {
        throw new ShapeError(
          `prompts have [${prompts.map((row) => row.length).join(", ")}] captions; give each video the same number, at least 1`,
        );
      }
      const tokens = prompts.flat().map((prompt) => tokenize(prompt, maxTokens));
      const longest = Math.max(...tokens.map((words) => words.length));
      const embeddings = new Float32Array(tokens.length * longest * width);
      const mask = new Float32Array(tokens.length * longest);
      for (const [caption, words] of tokens.entries()) {
        for (const [place, word] of words.entries()) {
          const token = caption * longest + place;
          embeddings.set(embed(word, place, width), token * width);
          mask[token] = 1;
        }
      }
      return {
        embeddings: tf.tensor4d(embeddings, [prompts.length, captions, longest, width]), // [B, P, L, W]
        mask: tf.tensor3d(mask, [prompts.length, captions, longest]), // [B, P, L]
      };
    },
    dispose() {},
  };
}

/** The end token, which makes the empty prompt one of one token. */
const end = "</s>";

function tokenize(prompt: string, maxTokens: number): string[] {
  const words = [...(prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []), end];
  if (words.length > maxTokens) {
    throw new ConfigError(
      `a prompt has ${words.length - 1} words but maxTokens is ${maxTokens}; shorten it or raise maxTokens`,
    );
  }
  return words;
}

function embed(word: string, place: number, width: number): Float32Array {
  const vector = createRng(0).fork(word).normals(width);
  return vector.map((value, k) => {
    const angle = place / 100 ** (Math.floor(k / 2) / (width / 2));
    return value + (k % 2 === 0 ? Math.sin(angle) : Math.cos(angle));
  });
}
