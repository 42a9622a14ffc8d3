// Counter-based random numbers: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
import * as tf from "@tensorflow/tfjs";
import type { JsonValue, Rng } from "./contracts.js";
import { ConfigError } from "./errors.js";
import { sizeOf } from "./shape.js";

type Words = [number, number, number, number];
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

  constructor(key: Key) {
    this.#key = key;
  }

  fork(name: string): Rng {
    const [low, high, extra] = hashName(name);
    const words = philox([low, high, extra, 0x666f726b], this.#key); // "fork": a counter that drawing never reaches
    return new PhiloxRng([words[0], words[1]]);
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
      const [a, b, c, d] = this.#nextBlock();
      const pair = [boxMuller(a, b), boxMuller(c, d)].flat();
      for (let j = 0; j < 4 && i + j < count; j++) result[i + j] = pair[j]!;
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
    if (this.#words.length === 0) this.#words = [...this.#nextBlock()];
    return this.#words.shift()!;
  }

  #nextBlock(): Words {
    const block = this.#block++;
    return philox([block >>> 0, Math.floor(block / 2 ** 32) >>> 0, 0, 0], this.#key);
  }
}

/** Two standard normal numbers of two 32-bit words. */
function boxMuller(a: number, b: number): [number, number] {
  const radius = Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32));
  const angle = (2 * Math.PI * (b + 0.5)) / 2 ** 32;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}

function philox(counter: Words, key: Key): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0);
    const [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The 64-bit product of two 32-bit words, as high and low word. */
function multiply(a: number, b: number): [number, number] {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const middleLow = (middle & 0xffff) + aLow * bHigh;
  const high = aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(middleLow / 0x10000);
  return [high >>> 0, ((middleLow << 16) | (low & 0xffff)) >>> 0];
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
