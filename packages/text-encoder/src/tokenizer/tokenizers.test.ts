import { CheckpointError, ConfigError } from "@noisereel/core";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { byteTokenizer } from "./byte.js";
import { readSentencePieceModel } from "./sentencepiece-model.js";
import { unigramTokenizer } from "./unigram.js";

const modelFile = path.join(import.meta.dirname, "../../test/goldens/tiny_spiece.model");

describe("byteTokenizer", () => {
  const tokenizer = byteTokenizer();

  test("bytes plus three, the end token, padding", () => {
    const { ids, mask, length } = tokenizer.encode("aé", { maxTokens: 6 });
    expect([...ids]).toEqual([0x61 + 3, 0xc3 + 3, 0xa9 + 3, 1, 0, 0]);
    expect([...mask]).toEqual([1, 1, 1, 1, 0, 0]);
    expect(length).toBe(4);
    expect(tokenizer.decode(ids)).toBe("aé");
  });

  test("a cut text keeps its end token and tells its length", () => {
    const { ids, mask, length } = tokenizer.encode("abcdef", { maxTokens: 3 });
    expect([...ids]).toEqual([0x61 + 3, 0x62 + 3, 1]);
    expect([...mask]).toEqual([1, 1, 1]);
    expect(length).toBe(7);
  });

  test("maxTokens 0", () => {
    expect(() => tokenizer.encode("a", { maxTokens: 0 })).toThrow(ConfigError);
  });
});

describe("unigramTokenizer", () => {
  test("a spiece.model, its tokenizer.json and its list of pieces agree", async () => {
    const bytes = await readFile(modelFile);
    const { pieces, charsMap } = readSentencePieceModel(bytes);
    const fromModel = unigramTokenizer({ model: bytes });
    const fromPieces = unigramTokenizer({ pieces: pieces.map(({ text, score }) => [text, score] as const) });
    const fromJson = unigramTokenizer({
      json: {
        version: "1.0",
        added_tokens: [{ id: 0, content: "<pad>", special: true }],
        normalizer: {
          type: "Sequence",
          normalizers: [{ type: "Precompiled", precompiled_charsmap: Buffer.from(charsMap!).toString("base64") }],
        },
        model: { type: "Unigram", unk_id: 2, vocab: pieces.map(({ text, score }) => [text, score]) },
      },
    });
    for (const text of ["The License, ﬁne ½ \t THE terms", "汉字 émigré", "", "a\u3000b"]) {
      const expected = [...fromModel.encode(text, { maxTokens: 40 }).ids];
      expect([...fromJson.encode(text, { maxTokens: 40 }).ids]).toEqual(expected);
      expect([...fromPieces.encode(text, { maxTokens: 40 }).ids]).toEqual(expected);
    }
    expect(fromModel.vocabularySize).toBe(480);
  });

  test("byte fallback", () => {
    const byte = (value: number) => ({ text: `<0x${value.toString(16).toUpperCase()}>`, value });
    const vocab = [
      ["<pad>", 0],
      ["</s>", 0],
      ["<unk>", 0],
      ["▁a", -1],
      ...[0xc3, 0xa9].map((value) => [byte(value).text, 0]),
    ];
    const tokenizer = unigramTokenizer({ json: { model: { unk_id: 2, vocab, byte_fallback: true } } });
    expect(tokenizer.pieces("aé")).toEqual(["▁a", "<0xC3>", "<0xA9>"]);
    expect(tokenizer.decode([3, 4, 5, 1])).toBe("aé");
  });

  test("files that are something else", () => {
    expect(() => unigramTokenizer({ model: new Uint8Array([0xff, 0xff]) })).toThrow(CheckpointError);
    expect(() => unigramTokenizer({ model: new Uint8Array() })).toThrow(/holds no pieces/);
    expect(() => unigramTokenizer({ json: { model: { type: "BPE" } } })).toThrow(ConfigError);
    expect(() => unigramTokenizer({ pieces: [["a", -1]] })).toThrow(/no <unk>/);
  });
});
