// Reads the `spiece.model` of a SentencePiece unigram tokenizer. Field numbers: sentencepiece_model.proto.
import { CheckpointError } from "@noisereel/core";
import { protobufFields } from "./protobuf.js";
import type { Piece, PieceKind, UnigramVocabulary } from "./vocabulary.js";

const kinds: Readonly<Record<number, PieceKind>> = {
  1: "normal",
  2: "unknown",
  3: "control",
  4: "user-defined",
  5: "unused",
  6: "byte",
};
const unigramModel = 1;

/** @throws CheckpointError when the bytes are no such file, or one of another kind of tokenizer. */
export function readSentencePieceModel(file: Uint8Array): UnigramVocabulary {
  const pieces: Piece[] = [];
  let trainer: ReadonlyMap<number, number> = new Map();
  let normalizer: ReadonlyMap<number, number> = new Map();
  let charsMap: Uint8Array | undefined;
  for (const field of protobufFields(file)) {
    if (field.kind !== "bytes") continue;
    if (field.number === 1) pieces.push(readPiece(field.bytes));
    if (field.number === 2) trainer = integersOf(field.bytes);
    if (field.number === 3) {
      normalizer = integersOf(field.bytes);
      for (const inner of protobufFields(field.bytes)) {
        if (inner.number === 2 && inner.kind === "bytes") charsMap = inner.bytes;
      }
    }
  }
  if (pieces.length === 0) {
    throw new CheckpointError("the tokenizer model holds no pieces; pass the bytes of a spiece.model");
  }
  const modelType = trainer.get(3) ?? unigramModel;
  if (modelType !== unigramModel) {
    throw new CheckpointError(
      `the tokenizer model is of type ${modelType} but only unigram models (type 1) can be read; use a T5 tokenizer`,
    );
  }
  return {
    pieces,
    ...(charsMap === undefined ? {} : { charsMap }),
    addDummyPrefix: (normalizer.get(3) ?? 1) === 1,
    removeExtraWhitespace: (normalizer.get(4) ?? 1) === 1,
    byteFallback: trainer.get(35) === 1,
  };
}

function readPiece(message: Uint8Array): Piece {
  let text = "";
  let score = 0;
  let kind: PieceKind = "normal";
  for (const field of protobufFields(message)) {
    if (field.number === 1 && field.kind === "bytes") text = new TextDecoder().decode(field.bytes);
    if (field.number === 2 && field.kind === "fixed") score = field.fixed.getFloat32(0, true);
    if (field.number === 3 && field.kind === "integer") kind = kinds[field.integer] ?? "unused";
  }
  return { text, score, kind };
}

function integersOf(message: Uint8Array): ReadonlyMap<number, number> {
  const result = new Map<number, number>();
  for (const field of protobufFields(message)) if (field.kind === "integer") result.set(field.number, field.integer);
  return result;
}
