import { ConfigError, createRng, eagerExecutor, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { cached } from "./cached.js";
import { smallTextEncoder, type SmallTextEncoderOptions } from "./small-text-encoder.js";
import { T5Encoder } from "./t5/model.js";
import { t5TextEncoder } from "./text-encoder.js";
import { byteTokenizer } from "./tokenizer/byte.js";

beforeAll(() => tf.setBackend("cpu"));

function small(options: Partial<SmallTextEncoderOptions> = {}) {
  return smallTextEncoder({ width: 16, layers: 2, heads: 2, maxTokens: 12, rng: createRng(5), ...options });
}

describe("smallTextEncoder", () => {
  test("encodes to the contract's shapes; outputs have unit scale", async () => {
    const encoder = small();
    const { embeddings, mask } = await encoder.encode([
      ["waves", "a cat"],
      ["", "dog"],
    ]);
    expect(embeddings.shape).toEqual([2, 2, 12, 16]);
    expect(mask.shape).toEqual([2, 2, 12]);
    expect(mask.dtype).toBe("float32");
    expect(tf.sum(mask, -1).dataSync()).toEqual(Float32Array.of(6, 6, 1, 4));
    const meanSquare = tf.mean(tf.square(embeddings)).dataSync()[0]!;
    expect(meanSquare).toBeGreaterThan(0.9);
    expect(meanSquare).toBeLessThan(1.1);
    encoder.dispose();
  });

  test("the same seed gives the same encoder, another one another", async () => {
    const values = async (seed: number) => {
      const encoder = small({ rng: createRng(seed) });
      const { embeddings } = await encoder.encode([["waves"]]);
      encoder.dispose();
      return [...embeddings.dataSync()];
    };
    expect(await values(1)).toEqual(await values(1));
    expect(await values(1)).not.toEqual(await values(2));
  });

  test("embed runs inside a gradient and reaches every weight", () => {
    const encoder = small();
    const { ids, mask } = encoder.tokenize([["waves"]]);
    const { grads } = tf.variableGrads(() => tf.sum(tf.square(tf.mean(encoder.embed(ids, mask), 2))));
    for (const [name, parameter] of encoder.model.namedParameters()) {
      const largest = tf.max(tf.abs(grads[parameter.variable.name]!)).dataSync()[0]!;
      expect(largest, name).toBeGreaterThan(0);
    }
    encoder.dispose();
  });

  test("an executor gives the same as the active backend, and encoding leaves only its results", async () => {
    const plain = small();
    const compiled = small({ executor: eagerExecutor() });
    const before = tf.memory().numTensors;
    const a = await plain.encode([["waves"]]);
    const b = await compiled.encode([["waves"]]);
    expect(tf.memory().numTensors).toBe(before + 4);
    expect(b.embeddings.dataSync()).toEqual(a.embeddings.dataSync());
    tf.dispose([a.embeddings, a.mask, b.embeddings, b.mask]);
    plain.dispose();
    compiled.dispose();
  });

  test("a prompt of 400 tokens, with what to do", () => {
    const encoder = small({ maxTokens: 300 });
    const long = "waves ".repeat(67).trim(); // 401 bytes and the end
    expect(() => encoder.tokenize([[long]])).toThrow(
      /"waves waves .*…" has 402 tokens but maxTokens is 300; shorten it, raise maxTokens, or set tooLong to "truncate"/,
    );
    encoder.dispose();
  });

  test("prompts that cannot be used", () => {
    const encoder = small();
    expect(() => encoder.tokenize([["free shipping"]])).toThrow(/empty after cleaning/);
    expect(() => encoder.tokenize([["a prompt of many bytes"]])).toThrow(/23 tokens but maxTokens is 12/);
    expect(() => encoder.tokenize([["a"], ["a", "b"]])).toThrow(ShapeError);
    expect(() => encoder.tokenize([])).toThrow(ShapeError);
    expect(() => small({ width: 15 })).toThrow(ConfigError);
    const cutting = small({ tooLong: "truncate", clean: "none" });
    expect([...cutting.tokenize([["a prompt of many bytes"]]).ids.dataSync()].at(-1)).toBe(1);
    encoder.dispose();
    cutting.dispose();
  });
});

test("a tokenizer with more tokens than the model has rows", () => {
  const model = new T5Encoder({ vocab_size: 100, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 });
  expect(() => t5TextEncoder({ model, tokenizer: byteTokenizer() })).toThrow(
    /259 tokens but the model's vocab_size is 100/,
  );
  model.dispose();
});

describe("cached", () => {
  test("gives what the encoder gives and calls it once for each prompt", async () => {
    const inner = small();
    const asked: string[] = [];
    const encoder = cached(
      {
        ...inner,
        encode(prompts, options) {
          asked.push(...prompts.flat());
          return inner.encode(prompts, options);
        },
      },
      { maxPrompts: 2 },
    );
    const prompts = [
      ["waves", "dog"],
      ["dog", ""],
    ];
    const direct = await inner.encode(prompts);
    const first = await encoder.encode(prompts);
    expect(asked).toEqual(["waves", "dog", ""]);
    expect(first.embeddings.shape).toEqual([2, 2, 12, 16]);
    // Another batch size may add in another order.
    expect(tf.max(tf.abs(tf.sub(first.embeddings, direct.embeddings))).dataSync()[0]).toBeLessThan(1e-5);
    expect(first.mask.dataSync()).toEqual(direct.mask.dataSync());
    await encoder.encode([["dog"], [""]]);
    expect(asked).toHaveLength(3);
    await encoder.encode([["waves"]]); // was forgotten: only two are kept
    expect(asked).toHaveLength(4);
    encoder.dispose();
  });
});
