// Looks through a pickle before it is read: only operations that describe data may be in it, and every length must fit.
// Opcodes and their operands as in Python's pickletools.

/** What follows an opcode: so many bytes, a length of so many bytes and then that much, or two lines. */
type Operand = { readonly bytes: number } | { readonly lengthBytes: 1 | 4 | 8 } | "two lines";

const stop = 0x2e;
const [long1, long4, shortBytes, longBytes] = [0x8a, 0x8b, 0x43, 0x42];

/**
 * The opcodes of protocols 2 to 5 that a checkpoint of weights is made of. Left out are text forms of protocol 0,
 * persistent ids as text, classes made without a call (`INST`, `OBJ`), extension codes and buffers outside the pickle.
 */
const operands: ReadonlyMap<number, Operand> = new Map<number, Operand>([
  ...characters("(.012)]}NRabestu1Q", { bytes: 0 }), // marks, lists, tuples, dicts, None, REDUCE, BUILD, BINPERSID
  ...codes([0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x93, 0x94], { bytes: 0 }), // NEWOBJ, tuples, booleans, sets, STACK_GLOBAL, MEMOIZE
  ...characters("Khq", { bytes: 1 }), // BININT1, BINGET, BINPUT
  ...codes([0x80], { bytes: 1 }), // PROTO
  ...characters("M", { bytes: 2 }), // BININT2
  ...characters("Jjr", { bytes: 4 }), // BININT, LONG_BINGET, LONG_BINPUT
  ...characters("G", { bytes: 8 }), // BINFLOAT
  ...codes([0x95], { bytes: 8 }), // FRAME
  ...characters("UC", { lengthBytes: 1 }), // short strings and bytes
  ...codes([long1, 0x8c], { lengthBytes: 1 }),
  ...characters("XTB", { lengthBytes: 4 }), // strings and bytes
  ...codes([long4], { lengthBytes: 4 }),
  ...codes([0x8d, 0x8e], { lengthBytes: 8 }),
  ...characters("c", "two lines"), // GLOBAL
]);

/** Largest integer length in bytes that stays exact and positive as a number. */
const exactIntegerBytes = 6;

/**
 * A copy of `pickle` that is safe to read, up to its end mark. Integers that are negative or longer than 48 bits become
 * byte strings: no tensor has such a size. Throws `Error` saying what is wrong.
 */
export function checkedPickle(pickle: Uint8Array): Uint8Array {
  const checked = pickle.slice();
  const view = new DataView(checked.buffer);
  let position = 0;
  while (position < checked.length) {
    const opcode = checked[position]!;
    const operand = operands.get(opcode);
    if (operand === undefined) throw new Error(`operation 0x${opcode.toString(16)} is not one that describes weights`);
    const from = position + 1;
    position = operandEnd(view, from, operand);
    if (position > checked.length) throw new Error("it ends in the middle");
    if (opcode === stop) return checked.subarray(0, position);
    if (opcode === long1 || opcode === long4) {
      const start = from + (opcode === long1 ? 1 : 4);
      const negative = position > start && checked[position - 1]! >= 0x80;
      if (negative || position - start > exactIntegerBytes)
        checked[from - 1] = opcode === long1 ? shortBytes : longBytes;
    }
  }
  throw new Error("it has no end mark");
}

function operandEnd(view: DataView, from: number, operand: Operand): number {
  if (operand === "two lines") return lineEnd(view, lineEnd(view, from));
  if ("bytes" in operand) return from + operand.bytes;
  const { lengthBytes } = operand;
  if (from + lengthBytes > view.byteLength) return Infinity;
  const length =
    lengthBytes === 1
      ? view.getUint8(from)
      : lengthBytes === 4
        ? view.getUint32(from, true)
        : Number(view.getBigUint64(from, true));
  return from + lengthBytes + length;
}

function lineEnd(view: DataView, from: number): number {
  for (let position = from; position < view.byteLength; position++) {
    if (view.getUint8(position) === 0x0a) return position + 1;
  }
  return Infinity;
}

function characters(text: string, operand: Operand): [number, Operand][] {
  return codes(
    Array.from(text, (character) => character.charCodeAt(0)),
    operand,
  );
}

function codes(opcodes: readonly number[], operand: Operand): [number, Operand][] {
  return opcodes.map((opcode) => [opcode, operand]);
}
