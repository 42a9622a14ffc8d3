import { toFloat32 } from "@noisereel/core";
import { describe, expect, it } from "vitest";
import { namedUniform, saltedUniform, saltedWeights } from "./formula.js";

// Expected numbers: the `formula_samples` and `hash_weights_vectors` that come with the golden data.
describe("weights by formula", () => {
  it("makes the salted weights of a convolution", () => {
    const weights = saltedWeights([["encoder.conv_in.conv.weight", [128, 3, 3, 3, 3]]], {
      salt: 1511506142,
      reluNet: false,
    });
    const values = toFloat32(weights.get("encoder.conv_in.conv.weight")!);
    expect(Array.from(values.subarray(0, 2))).toEqual([0.11604732275009155, -0.008104181848466396]);
    expect(values.at(-1)).toBe(0.10881038755178452);
  });

  it("makes salted inputs", () => {
    expect(Math.fround(saltedUniform("input", 1511506142, 0))).toBe(-0.04115915298461914);
  });

  it("adds an exception after the formula", () => {
    const shapes = [["quant_conv.conv.bias", [8]]] as const;
    const exception = { name: "quant_conv.conv.bias", from: 4, to: 8, add: -2 };
    const plain = toFloat32(saltedWeights(shapes, { salt: 7, reluNet: false }).get("quant_conv.conv.bias")!);
    const shifted = toFloat32(
      saltedWeights(shapes, { salt: 7, reluNet: false, exception }).get("quant_conv.conv.bias")!,
    );
    expect([...shifted].map((value, i) => value - plain[i]!)).toEqual(
      [0, 0, 0, 0, -2, -2, -2, -2].map((x, i) => Math.fround(plain[i]! + x) - plain[i]!),
    );
  });

  it("makes the named weights", () => {
    const values = namedUniform("pos_embed.proj.weight", 2, 1 / Math.sqrt(16), 0);
    expect([...values]).toEqual([0.18269792199134827, -0.19093307852745056]);
  });
});
