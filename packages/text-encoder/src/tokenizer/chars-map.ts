// SentencePiece's compiled replacement rules: a double-array trie over UTF-8 bytes (Aoe, "An efficient digital search
// algorithm by using a double-array structure", 1989), in the layout of Darts-clone, and the replacements it points to.
import { CheckpointError } from "@noisereel/core";

export interface Replacement {
  /** Bytes of the text that it replaces. */
  readonly length: number;
  readonly text: string;
}

/** Finds the longest rule that applies at `position` of UTF-8 `bytes`. */
export type CharsMap = (bytes: Uint8Array, position: number) => Replacement | undefined;

/** `blob`: the trie's size in bytes (32 bits), the trie, then zero-terminated replacements. */
export function readCharsMap(blob: Uint8Array): CharsMap {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const trieBytes = blob.byteLength >= 4 ? view.getUint32(0, true) : 0;
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > blob.byteLength) {
    throw new CheckpointError("the tokenizer's normalisation rules are damaged; get the tokenizer file again");
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const replacements = blob.subarray(4 + trieBytes);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  const replacementAt = (offset: number): string => {
    const end = replacements.indexOf(0, offset);
    return decoder.decode(replacements.subarray(offset, end < 0 ? undefined : end));
  };

  return (bytes, position) => {
    let node = childrenOffset(units[0]!);
    let found: { length: number; offset: number } | undefined;
    for (let i = position; i < bytes.length; i++) {
      const byte = bytes[i]!;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || label(unit) !== byte) break;
      node ^= childrenOffset(unit);
      if (hasLeaf(unit)) found = { length: i - position + 1, offset: units[node]! & 0x7fffffff };
    }
    return found && { length: found.length, text: replacementAt(found.offset) };
  };
}

/** A leaf has its top bit set and so never equals a byte. */
function label(unit: number): number {
  return (unit & 0x800000ff) >>> 0;
}

function hasLeaf(unit: number): boolean {
  return (unit & 0x100) !== 0;
}

function childrenOffset(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
