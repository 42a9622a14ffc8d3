// Brings a text into the form that unigram pieces are written in.
import { type CharsMap, readCharsMap } from "./chars-map.js";
import type { UnigramVocabulary } from "./vocabulary.js";

/** Stands for a space in pieces. */
export const spaceMark = "▁";

/** Replaces characters, evens out spaces, marks them and puts one before the text. An empty text stays empty. */
export function textNormalizer(vocabulary: UnigramVocabulary): (text: string) => string {
  const { charsMap, addDummyPrefix = true, removeExtraWhitespace = true } = vocabulary;
  const replace = charsMap === undefined || charsMap.length === 0 ? replaceByRuntime : byRules(readCharsMap(charsMap));
  return (text) => {
    const replaced = replace(text);
    const spaced = removeExtraWhitespace ? replaced.replace(/^ +| +$/g, "").replace(/ {2,}/g, " ") : replaced;
    if (spaced === "") return "";
    return ((addDummyPrefix ? " " : "") + spaced).replaceAll(" ", spaceMark);
  };
}

/** Applies the longest rule at each place; a character without a rule stays. */
function byRules(charsMap: CharsMap): (text: string) => string {
  return (text) => {
    const bytes = new TextEncoder().encode(text);
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let result = "";
    let position = 0;
    while (position < bytes.length) {
      const replacement = charsMap(bytes, position);
      const length = replacement?.length ?? characterLength(bytes[position]!);
      result += replacement?.text ?? decoder.decode(bytes.subarray(position, position + length));
      position += length;
    }
    return result;
  };
}

/** For a vocabulary that came without rules: NFKC, control characters away, every white space a space. */
function replaceByRuntime(text: string): string {
  return (
    text
      .normalize("NFKC")
      // oxlint-disable-next-line no-control-regex -- control characters are what is removed
      .replace(/[\0-\x08\x0b\x0e-\x1f\x7f-\x9f]/g, "")
      .replace(/[\s\u200b\u200e\u200f\ufeff]/gu, " ")
  );
}

/** Bytes of the UTF-8 character that starts with `lead`. */
function characterLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}
