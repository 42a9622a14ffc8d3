// A small assembler for WebAssembly: enough for loops over vectors of 128 bits. Numbers are those of the specification 2.0,
// sections 5.3 to 5.5 (binary format).

/** Bytes of instructions. */
export type Code = readonly number[];

export interface WasmFunction {
  readonly name: string;
  /** Parameters, all i32; they are locals 0, 1, … . No results. */
  readonly parameters: number;
  /** Further locals of type i32, then of type v128, numbered after the parameters. */
  readonly integers: number;
  readonly vectors: number;
  readonly body: Code;
}

/** The bytes of a module that exports its functions and one memory named `memory`. */
export function assemble(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...list(Array(parameters).fill([i32Type])), 0x00]);
  const bodies = functions.map(({ integers, vectors, body }) => {
    const locals = list([
      [...unsigned(integers), i32Type],
      [...unsigned(vectors), v128Type],
    ]);
    const whole = [...locals, ...body, 0x0b];
    return [...unsigned(whole.length), ...whole];
  });
  const exported = functions.map(({ name }, index) => [...text(name), 0x00, ...unsigned(index)]);
  return Uint8Array.from([
    ...magicAndVersion,
    ...section(1, list(types)),
    ...section(3, list(functions.map((_, index) => unsigned(index)))),
    ...section(5, list([[0x00, 0x01]])), // one page to begin with, no limit
    ...section(7, list([...exported, [...text("memory"), 0x02, 0x00]])),
    ...section(10, list(bodies)),
  ]);
}

const magicAndVersion = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const [i32Type, v128Type] = [0x7f, 0x7b];

const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
const list = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
const text = (name: string): Code => list([...new TextEncoder().encode(name)].map((byte) => [byte]));

function unsigned(value: number): Code {
  const low = value & 0x7f;
  const rest = value >>> 7;
  return rest === 0 ? [low] : [low | 0x80, ...unsigned(rest)];
}

function signed(value: number): Code {
  const low = value & 0x7f;
  const rest = value >> 7;
  const done = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
  return done ? [low] : [low | 0x80, ...signed(rest)];
}

/** Puts expressions and instructions after each other. */
export const sequence = (...parts: readonly Code[]): Code => parts.flat();
/** Runs `body`, and again as long as `condition` is not 0. */
export const repeatWhile = (body: Code, condition: Code): Code => [0x03, 0x40, ...body, ...condition, 0x0d, 0x00, 0x0b];

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

const binary =
  (...opcode: Code) =>
  (left: Code, right: Code): Code => [...left, ...right, ...opcode];
const unary =
  (...opcode: Code) =>
  (value: Code): Code => [...value, ...opcode];
const vector = (number: number): Code => [0xfd, ...unsigned(number)];
/** Alignment is only a hint and always 1 byte here. */
const address = (offset: number): Code => [0x00, ...unsigned(offset)];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  multiply: binary(0x6c),
  below: binary(0x49),
  load: (at: Code): Code => [...at, 0x28, ...address(0)],
};

export const v128 = {
  zero: [...vector(0x0c), ...Array<number>(16).fill(0)] as Code,
  load: (at: Code): Code => [...at, ...vector(0x00), ...address(0)],
  /** Four times the 32 bits at an address. */
  loadSplat32: (at: Code): Code => [...at, ...vector(0x09), ...address(0)],
  store: (at: Code, value: Code, offset = 0): Code => [...at, ...value, ...vector(0x0b), ...address(offset)],
  /** Stores the lowest 32 bits. */
  storeLane32: (at: Code, value: Code): Code => [...at, ...value, ...vector(0x5a), ...address(0), 0x00],
};

/** Integers of one width to the next, and to numbers; `low` and `high` are the halves of the vector. */
export const convert = {
  lowBytes: unary(...vector(0x89)),
  highBytes: unary(...vector(0x8a)),
  lowShorts: unary(...vector(0xa9)),
  highShorts: unary(...vector(0xaa)),
  toFloats: unary(...vector(0xfa)),
  /** Cuts off the fraction, saturating. */
  toIntegers: unary(...vector(0xf8)),
  toShorts: binary(...vector(0x85)),
  /** To bytes from 0 to 255, saturating. */
  toBytes: binary(...vector(0x66)),
};

export const f32x4 = {
  add: binary(...vector(0xe4)),
  multiply: binary(...vector(0xe6)),
  /** To the nearest integer, halves to even. */
  nearest: unary(...vector(0x6a)),
};
