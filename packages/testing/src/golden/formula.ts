// Weights that golden cases make by formula instead of storing them: a hash of the tensor's name and the element's index.
import { type StateDict, sizeOf, storeFloats, type StoredTensor } from "@noisereel/core";
import { crc32 } from "node:zlib";

const golden32 = 0x9e3779b9;

/** The 32-bit finaliser of MurmurHash3. */
function mix(word: number): number {
  let x = word;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

export interface SaltedFormula {
  readonly salt: number;
  /** Convolutions feed ReLUs: He instead of Glorot scale. */
  readonly reluNet: boolean;
  /** `name[from:to] += add`, after the formula. */
  readonly exception?: { readonly name: string; readonly from: number; readonly to: number; readonly add: number };
}

/** Formula "hash-v1": uniform in [-1, 1) of 24 bits. */
export function saltedUniform(name: string, salt: number, index: number): number {
  const seed = crc32(name) ^ salt;
  return ((mix(Math.imul(index, golden32) + seed) >>> 8) / 2 ** 24) * 2 - 1;
}

/** Weights by formula "hash-v1". */
export function saltedWeights(
  shapes: Iterable<readonly [name: string, shape: readonly number[]]>,
  formula: SaltedFormula,
): StateDict {
  const result = new Map<string, StoredTensor>();
  for (const [name, shape] of shapes) {
    const fanIn = sizeOf(shape.slice(1));
    const rule = (v: number): number => {
      if (name.endsWith("running_mean")) return 0.1 * v;
      if (name.endsWith("running_var")) return 1 + 0.5 * v;
      if (name.startsWith("lin")) return ((v + 1) / 2) * (2 / fanIn);
      if (shape.length >= 2) return v * Math.sqrt((formula.reluNet ? 6 : 3) / fanIn);
      return name.endsWith("weight") ? 1 + 0.1 * v : 0.1 * v;
    };
    const seed = crc32(name) ^ formula.salt;
    const values = new Float32Array(sizeOf(shape));
    for (let i = 0; i < values.length; i++) {
      values[i] = rule(((mix(Math.imul(i, golden32) + seed) >>> 8) / 2 ** 24) * 2 - 1);
    }
    const { exception } = formula;
    if (exception?.name === name) for (let i = exception.from; i < exception.to; i++) values[i]! += exception.add;
    result.set(name, storeFloats(values, shape));
  }
  return result;
}

/** Uniform of 32 bits, as the full-width diffusion cases use it, scaled to `spread * [-1, 1] + centre`. */
export function namedUniform(name: string, count: number, spread: number, centre: number): Float32Array {
  const seed = crc32(name);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = (((mix(Math.imul(i, golden32) + seed) + 0.5) / 2 ** 32) * 2 - 1) * spread + centre;
  }
  return values;
}

/** Weights by the formula of the full-width diffusion cases. */
export function namedWeights(shapes: Iterable<readonly [name: string, shape: readonly number[]]>): StateDict {
  const result = new Map<string, StoredTensor>();
  for (const [name, shape] of shapes) {
    let values: Float32Array;
    if (name.endsWith("y_embedding")) values = new Float32Array(sizeOf(shape));
    else if (name.endsWith("scale_shift_table")) values = namedUniform(name, sizeOf(shape), 0.5, 0);
    else if (shape.length >= 2) values = namedUniform(name, sizeOf(shape), 1 / Math.sqrt(sizeOf(shape.slice(1))), 0);
    else values = namedUniform(name, sizeOf(shape), 0.1, name.includes("norm") && name.endsWith("weight") ? 1 : 0);
    result.set(name, storeFloats(values, shape));
  }
  return result;
}
