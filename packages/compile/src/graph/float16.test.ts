import { describe, expect, it } from "vitest";
import { float16Bits, toFloat16 } from "./float16.js";

/** IEEE 754, 16 bits. */
function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

describe("float16", () => {
  it("keeps every number that it has", () => {
    const all = Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => !Number.isNaN(decode(bits)));
    expect(all.filter((bits) => float16Bits(decode(bits)) !== bits)).toEqual([]);
  });

  it.each([
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [2 ** -25, 0],
    [3 * 2 ** -25, 2],
    [-(2 ** -15) - 2 ** -25, 0x8200],
    [2 ** -14 - 2 ** -26, 0x0400],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [NaN, 0x7e00],
  ])("rounds %d to the nearest, ties to even", (value, bits) => {
    expect(float16Bits(value)).toBe(bits);
  });

  it("converts arrays", () => {
    expect([...toFloat16(Float32Array.of(0.1, -2, 65504))]).toEqual([0x2e66, 0xc000, 0x7bff]);
  });
});
