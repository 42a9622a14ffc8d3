// SentencePiece's unigram tokenizer (Kudo, "Subword regularization", arXiv 1804.10959), as T5 uses it: of all ways to cut
// a text into pieces, the likeliest one.
import { ConfigError } from "@noisereel/core";
import { spaceMark, textNormalizer } from "./normalize.js";
import { readSentencePieceModel } from "./sentencepiece-model.js";
import { readTokenizerJson } from "./tokenizer-json.js";
import { endAndPad, type Tokenizer } from "./tokenizer.js";
import { kindByName, type Piece, type UnigramVocabulary } from "./vocabulary.js";

export type UnigramTokenizerOptions =
  /** The bytes of a `spiece.model`. */
  | { readonly model: Uint8Array }
  /** The parsed content of a `tokenizer.json`. */
  | { readonly json: unknown }
  /** Pieces with their scores, their place being their id; `<pad>`, `</s>`, `<unk>` are known by name. */
  | { readonly pieces: readonly (readonly [text: string, score: number])[] };

export interface UnigramTokenizer extends Tokenizer {
  /** The pieces of a text, without the end token and whatever its length. */
  pieces(text: string): string[];
}

/** A stretch of the text and the id that stands for it. */
interface Token {
  readonly id: number;
  readonly text: string;
}

/** How much less likely than the rarest piece an unknown character is. */
const unknownPenalty = 10;
/** What an unknown character is decoded to. */
const unknownSurface = " ⁇ ";

/**
 * @throws ConfigError or CheckpointError when the vocabulary cannot be read, or lacks `<unk>` or `</s>`.
 */
export function unigramTokenizer(options: UnigramTokenizerOptions): UnigramTokenizer {
  const vocabulary = readVocabulary(options);
  const { pieces } = vocabulary;
  const normalize = textNormalizer(vocabulary);
  const unknownId = pieces.findIndex(({ kind }) => kind === "unknown");
  const endId = pieces.findIndex(({ text }) => text === "</s>");
  if (unknownId < 0 || endId < 0) {
    throw new ConfigError(
      `the vocabulary has ${pieces.length} pieces but no ${unknownId < 0 ? "<unk>" : "</s>"}; use a T5 tokenizer`,
    );
  }
  const padId = Math.max(
    0,
    pieces.findIndex(({ text }) => text === "<pad>"),
  );
  const segment = unigramSegmenter(pieces, unknownId);
  const byteIds = new Map(pieces.flatMap(({ text, kind }, id) => (kind === "byte" ? [[byteOf(text), id]] : [])));

  const tokens = (text: string): Token[] => {
    const found: Token[] = [];
    for (const token of segment(normalize(text))) {
      const previous = found.at(-1);
      if (token.id !== unknownId) found.push(token);
      else if (vocabulary.byteFallback === true) found.push(...bytesOf(token.text, byteIds, unknownId, pieces));
      else if (previous?.id === unknownId) {
        found[found.length - 1] = { id: unknownId, text: previous.text + token.text }; // neighbours are one token
      } else found.push(token);
    }
    return found;
  };

  return {
    name: "unigram",
    vocabularySize: pieces.length,
    padId,
    endId,
    encode: (text, { maxTokens }) =>
      endAndPad(
        tokens(text).map(({ id }) => id),
        { maxTokens, padId, endId },
      ),
    pieces: (text) => tokens(text).map((token) => token.text),
    decode: (ids) => decodePieces(ids, pieces, endId),
  };
}

function readVocabulary(options: UnigramTokenizerOptions): UnigramVocabulary {
  if ("model" in options) return readSentencePieceModel(options.model);
  if ("json" in options) return readTokenizerJson(options.json);
  return { pieces: options.pieces.map(([text, score]) => ({ text, score, kind: kindByName(text) })) };
}

/** The best cut of a normalised text, by dynamic programming from left to right (Viterbi). */
function unigramSegmenter(pieces: readonly Piece[], unknownId: number): (text: string) => Token[] {
  const ids = new Map<string, number>();
  let longest = 1;
  let lowest = Infinity;
  let highest = -Infinity;
  pieces.forEach(({ text, score, kind }, id) => {
    if (kind === "normal") {
      lowest = Math.min(lowest, score);
      highest = Math.max(highest, score);
    }
    if (kind !== "normal" && kind !== "user-defined") return;
    ids.set(text, id);
    longest = Math.max(longest, Array.from(text).length);
  });
  const unknownScore = lowest - unknownPenalty;

  return (text) => {
    const characters = Array.from(text);
    const best = characters.map(() => ({ score: -Infinity, start: -1, id: unknownId }));
    for (let start = 0; start < characters.length; start++) {
      const before = start === 0 ? 0 : best[start - 1]!.score;
      const offer = (end: number, id: number, score: number): void => {
        const slot = best[end]!;
        // Sums are kept in float32, as SentencePiece keeps them: it decides between ties.
        if (slot.start < 0 || before + score > slot.score) {
          best[end] = { score: Math.fround(before + score), start, id };
        }
      };
      let piece = "";
      let single = false;
      for (let end = start; end < Math.min(characters.length, start + longest); end++) {
        piece += characters[end]!;
        const id = ids.get(piece);
        if (id === undefined) continue;
        single ||= end === start;
        const userDefined = pieces[id]!.kind === "user-defined";
        offer(end, id, userDefined ? byteLength(piece) * highest - 0.1 : pieces[id]!.score);
      }
      if (!single) offer(start, unknownId, unknownScore);
    }
    const tokens: Token[] = [];
    for (let end = characters.length - 1; end >= 0;) {
      const { start, id } = best[end]!;
      tokens.unshift({ id, text: characters.slice(start, end + 1).join("") });
      end = start - 1;
    }
    return tokens;
  };
}

function bytesOf(
  text: string,
  byteIds: ReadonlyMap<number, number>,
  unknownId: number,
  pieces: readonly Piece[],
): Token[] {
  return Array.from(new TextEncoder().encode(text), (byte) => {
    const id = byteIds.get(byte) ?? unknownId;
    return { id, text: pieces[id]!.text };
  });
}

function decodePieces(ids: Iterable<number>, pieces: readonly Piece[], endId: number): string {
  let text = "";
  let bytes: number[] = [];
  const flush = (): void => {
    text += new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
    bytes = [];
  };
  for (const id of ids) {
    if (id === endId) break;
    const piece = pieces[id];
    if (piece?.kind === "byte") {
      bytes.push(byteOf(piece.text));
      continue;
    }
    flush();
    if (piece === undefined || piece.kind === "unknown") text += unknownSurface;
    else if (piece.kind !== "control") {
      const spaced = piece.text.replaceAll(spaceMark, " ");
      text += text === "" ? spaced.replace(/^ /, "") : spaced; // the space before the text was added
    }
  }
  flush();
  return text;
}

/** The byte of a piece such as `<0x41>`. */
function byteOf(text: string): number {
  return Number.parseInt(text.slice(3, 5), 16);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
