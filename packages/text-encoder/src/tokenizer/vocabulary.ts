// What a unigram tokenizer is made of.

export type PieceKind =
  /** Can be part of any text. */
  | "normal"
  /** Always taken whole. */
  | "user-defined"
  /** Stands for what no piece covers. */
  | "unknown"
  /** Padding, end and such: never found in a text. */
  | "control"
  /** One byte of a character that no piece covers, `<0x41>`. */
  | "byte"
  | "unused";

export interface Piece {
  readonly text: string;
  /** Logarithm of the probability. */
  readonly score: number;
  readonly kind: PieceKind;
}

export interface UnigramVocabulary {
  /** A piece's id is its place. */
  readonly pieces: readonly Piece[];
  /** Replacement rules, as SentencePiece compiles them; left out, NFKC of the JavaScript runtime. */
  readonly charsMap?: Uint8Array;
  /** Puts a space before the text. Default true. */
  readonly addDummyPrefix?: boolean;
  /** Drops outer spaces and makes one of several. Default true. */
  readonly removeExtraWhitespace?: boolean;
  /** Unknown characters become byte pieces. Default false. */
  readonly byteFallback?: boolean;
}

/** The kind of a piece whose file does not say, by its usual name. */
export function kindByName(text: string): PieceKind {
  if (text === "<unk>") return "unknown";
  if (text === "<pad>" || text === "</s>" || text === "<s>" || /^<extra_id_\d+>$/.test(text)) return "control";
  return /^<0x[0-9A-F]{2}>$/.test(text) ? "byte" : "normal";
}
