// Numbers of 16 bits, as IEEE 754 has them.

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** The bits of the float16 number nearest to `value`, the even one of two; beyond 65519 an infinity. */
export function float16Bits(value: number): number {
  single[0] = value;
  const bits = singleBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Below the smallest normal number, 2^-14: multiples of 2^-24, which adding 0.5 rounds to.
  single[0] = Math.abs(value) + 0.5;
  return sign | (singleBits[0]! - 0x3f000000);
}

/** The bits of every number. */
export function toFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, float16Bits);
}

/** The largest finite float16 number. */
export const LARGEST_FLOAT16 = 65504;
