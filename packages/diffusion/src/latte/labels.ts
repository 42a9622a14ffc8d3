import { ConfigError, ShapeError, type TextEncoder } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Class labels in the place of texts, for a `Latte` with `num_classes`. A prompt is a class's name or number; the empty
 * prompt is no class. `classes`: their names, or how many there are.
 */
export function classLabels(classes: number | readonly string[]): TextEncoder {
  const names = typeof classes === "number" ? Array.from({ length: classes }, (_, i) => `${i}`) : classes;
  const indexOf = (prompt: string): number => {
    if (prompt === "") return names.length;
    const index = names.includes(prompt) ? names.indexOf(prompt) : /^\d+$/.test(prompt) ? Number(prompt) : -1;
    if (index >= 0 && index < names.length) return index;
    throw new ConfigError(
      `prompt is "${prompt}", which is no class; use one of ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`,
    );
  };
  return {
    name: "class-labels",
    width: names.length + 1,
    maxTokens: 1,
    encode(prompts, call) {
      call?.signal?.throwIfAborted();
      const [batch, captions] = [prompts.length, prompts[0]?.length ?? 0];
      if (captions === 0 || prompts.some((row) => row.length !== captions)) {
        throw new ShapeError(
          `prompts have [${prompts.map((row) => row.length).join(", ")}] labels; give every video the same number, at least one`,
        );
      }
      return tf.tidy(() => {
        const indices = tf.tensor1d(prompts.flat().map(indexOf), "int32");
        const oneHot = tf.cast(tf.oneHot(indices, names.length + 1), "float32");
        return {
          embeddings: tf.reshape(oneHot, [batch, captions, 1, names.length + 1]) as tf.Tensor4D,
          mask: tf.ones<tf.Rank.R3>([batch, captions, 1]),
        };
      });
    },
    dispose() {},
  };
}
