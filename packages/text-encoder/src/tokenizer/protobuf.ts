// Just enough of the protocol buffers wire format to read a few fields of a message.
import { CheckpointError } from "@noisereel/core";

export type ProtobufField =
  | { readonly number: number; readonly kind: "integer"; readonly integer: number }
  | { readonly number: number; readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly number: number; readonly kind: "fixed"; readonly fixed: DataView };

/** The fields of a message, in file order. Integers beyond 2^53 lose precision; negative ones come out unsigned. */
export function* protobufFields(message: Uint8Array): Generator<ProtobufField> {
  let position = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[position++];
      if (byte === undefined) throw damaged();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw damaged();
  };
  const take = (length: number): Uint8Array => {
    if (position + length > message.length) throw damaged();
    position += length;
    return message.subarray(position - length, position);
  };
  while (position < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    if (wireType === 0) yield { number, kind: "integer", integer: varint() };
    else if (wireType === 2) yield { number, kind: "bytes", bytes: take(varint()) };
    else if (wireType === 1 || wireType === 5) {
      const bytes = take(wireType === 1 ? 8 : 4);
      yield { number, kind: "fixed", fixed: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
    } else throw damaged();
  }
}

function damaged(): CheckpointError {
  return new CheckpointError("the tokenizer model is not a SentencePiece file, or damaged; get the file again");
}
