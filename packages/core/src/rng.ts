// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
import * as tf from "@tensorflow/tfjs";
import type { JsonValue, Rng } from "./contracts.js";
import { ConfigError } from "./errors.js";
import { sizeOf } from "./shape.js";

/** Four 32-bit words: a counter that Philox turns into random words in place. */
type Words = Uint32Array;
type Key = readonly [number, number];

/** A random stream that depends on nothing but `seed`, an integer of at most 53 bits. */
export function createRng(seed: number): Rng {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ConfigError(`seed is ${seed}; use an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  return new PhiloxRng([seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0]);
}

class PhiloxRng implements Rng {
  #key: Key;
  /** Number of 4-word blocks drawn. */
  #block = 0;
  /** Words of the current block not yet handed out. */
  #words: number[] = [];
  /** Where blocks are computed: one array for all of them. */
  readonly #scratch: Words = new Uint32Array(4);

  constructor(key: Key) {
    this.#key = key;
  }

  fork(name: string): Rng {
    const [low, high, extra] = hashName(name);
    const words = Uint32Array.of(low, high, extra, 0x666f726b); // "fork": a counter that drawing never reaches
    philox(words, this.#key);
    return new PhiloxRng([words[0]!, words[1]!]);
  }

  uniform(): number {
    return ((this.#word() >>> 5) * 2 ** 26 + (this.#word() >>> 6)) / 2 ** 53;
  }

  integer(maxExclusive: number): number {
    if (!Number.isSafeInteger(maxExclusive) || maxExclusive < 1) {
      throw new ConfigError(`maxExclusive is ${maxExclusive}; use a positive integer`);
    }
    return Math.floor(this.uniform() * maxExclusive);
  }

  normals(count: number): Float32Array {
    const result = new Float32Array(count);
    for (let i = 0; i < count; i += 4) {
      const words = this.#nextBlock();
      boxMuller(words[0]!, words[1]!, result, i);
      boxMuller(words[2]!, words[3]!, result, i + 2);
    }
    return result;
  }

  normal(shape: readonly number[]): tf.Tensor {
    return tf.tensor(this.normals(sizeOf(shape)), [...shape]);
  }

  state(): JsonValue {
    return { key: [...this.#key], block: this.#block, words: [...this.#words] };
  }

  restore(state: JsonValue): void {
    const { key, block, words } = state as { key: [number, number]; block: number; words: number[] };
    if (!Array.isArray(key) || key.length !== 2 || !Number.isInteger(block) || !Array.isArray(words)) {
      throw new ConfigError(`state is ${JSON.stringify(state)}; pass what state() returned`);
    }
    this.#key = [key[0], key[1]];
    this.#block = block;
    this.#words = [...words];
  }

  #word(): number {
    if (this.#words.length === 0) {
      const [a, b, c, d] = this.#nextBlock();
      this.#words = [a!, b!, c!, d!];
    }
    return this.#words.shift()!;
  }

  /** Valid until the next one. */
  #nextBlock(): Words {
    const block = this.#block++;
    const words = this.#scratch;
    words[0] = block;
    words[1] = Math.floor(block / 2 ** 32);
    words[2] = 0;
    words[3] = 0;
    philox(words, this.#key);
    return words;
  }
}

/** Two standard normal numbers of two 32-bit words; an index beyond the end of `target` is left out. */
function boxMuller(a: number, b: number, target: Float32Array, index: number): void {
  const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32));
  const angle = (2 * Math.PI * (b + 0.5)) / 2 ** 32;
  target[index] = radius * Math.cos(angle); // writing beyond the end of a typed array does nothing
  target[index + 1] = radius * Math.sin(angle);
}

/** Ten rounds over `words`, in place. No arrays are made here: large latents draw millions of blocks. */
function philox(words: Words, key: Key): void {
  let c0 = words[0]!;
  let c1 = words[1]!;
  let c2 = words[2]!;
  let c3 = words[3]!;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = highWord(0xd2511f53, c0);
    const high1 = highWord(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0);
    const low1 = Math.imul(0xcd9e8d57, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

/** The upper half of the 64-bit product of two 32-bit words. */
function highWord(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middleLow = (middle & 0xffff) + aLow * bHigh;
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(middleLow / 0x10000)) >>> 0;
}

/** Three 32-bit words of a name's UTF-8 bytes: FNV-1a from two bases, mixed, and the length. */
function hashName(name: string): [number, number, number] {
  const bytes = new TextEncoder().encode(name);
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return [a >>> 0, b >>> 0, bytes.length];
}
