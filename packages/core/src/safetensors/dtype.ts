// Bytes of a safetensors element type to float32 and back. Little endian throughout, as the format and every platform of ours is.
import type { StoredDtype, StoredTensor } from "../contracts.js";
import { CheckpointError } from "../errors.js";
import { sizeOf } from "../shape.js";

export const bytesPerElement: Readonly<Record<StoredDtype, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  U8: 1,
  BOOL: 1,
};

/** The values as float32. F64 is rounded; integers beyond 2^24 lose precision. The result never shares memory. */
export function toFloat32(stored: StoredTensor): Float32Array {
  const count = sizeOf(stored.shape);
  if (stored.bytes.byteLength !== count * bytesPerElement[stored.dtype]) {
    throw new CheckpointError(
      `a ${stored.dtype} tensor of shape [${stored.shape.join(", ")}] has ${stored.bytes.byteLength} bytes instead of ${count * bytesPerElement[stored.dtype]}; the file is damaged`,
    );
  }
  // Half-precision tensors are the large ones: no second copy, and no `from` with a function, which makes a list of all values.
  if (stored.dtype === "F16" || stored.dtype === "BF16") return halvesToFloat32(stored.bytes, count, stored.dtype);
  const buffer = stored.bytes.slice().buffer;
  switch (stored.dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "I32":
      return Float32Array.from(new Int32Array(buffer));
    case "U8":
    case "BOOL":
      return Float32Array.from(new Uint8Array(buffer));
  }
}

/** Little-endian pairs of bytes, at any offset. */
function halvesToFloat32(bytes: Uint8Array, count: number, dtype: "F16" | "BF16"): Float32Array {
  const values = new Float32Array(count);
  if (dtype === "F16") {
    for (let i = 0; i < count; i++) values[i] = halfToNumber(bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
    return values;
  }
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < count; i++) words[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
  return values;
}

/** Float32 values as a stored tensor; F16 and BF16 round to nearest, ties to even. */
export function storeFloats(
  values: Float32Array,
  shape: readonly number[],
  dtype: "F32" | "F16" | "BF16" = "F32",
): StoredTensor {
  const typed =
    dtype === "F32" ? values : dtype === "F16" ? Uint16Array.from(values, numberToHalf) : toBfloat16(values);
  return { dtype, shape: [...shape], bytes: new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength) };
}

/** Integers as a stored I32 tensor. */
export function storeIntegers(values: Int32Array, shape: readonly number[]): StoredTensor {
  return {
    dtype: "I32",
    shape: [...shape],
    bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  };
}

function halfToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function numberToHalf(value: number): number {
  scratch[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds past the largest half, 65504
  if (magnitude < 0x38800000) {
    // A subnormal half: a multiple of 2^-24.
    return sign | roundEven(Math.abs(value) * 2 ** 24);
  }
  const kept = magnitude - 0x38000000;
  return sign | ((kept + 0xfff + ((kept >>> 13) & 1)) >>> 13);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function toBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (bits) =>
    (bits & 0x7fffffff) > 0x7f800000 ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16,
  );
}
