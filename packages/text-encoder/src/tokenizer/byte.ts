// Bytes as tokens (Xue et al., "ByT5", arXiv 2105.13626): needs no vocabulary, so a model can be trained from nothing.
import { endAndPad, type Tokenizer } from "./tokenizer.js";

/** Ids 0 padding, 1 end, 2 unknown (never made); byte `b` of the UTF-8 text is token `b + 3`. */
export function byteTokenizer(): Tokenizer {
  const padId = 0;
  const endId = 1;
  const firstByte = 3;
  return {
    name: "bytes",
    vocabularySize: firstByte + 256,
    padId,
    endId,
    encode(text, { maxTokens }) {
      const tokens = Array.from(new TextEncoder().encode(text), (byte) => byte + firstByte);
      return endAndPad(tokens, { maxTokens, padId, endId });
    },
    decode(ids) {
      const bytes: number[] = [];
      for (const id of ids) {
        if (id === endId) break;
        if (id >= firstByte && id < firstByte + 256) bytes.push(id - firstByte);
      }
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
    },
  };
}
