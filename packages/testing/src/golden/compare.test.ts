import { describe, expect, it } from "vitest";
import { compareExact, compareNumbers, errorRatio } from "./compare.js";

const norm = { kind: "norm", atol: 0.1, relativeL2: 0.01, magnitude: 2 } as const;
const element = { kind: "element", atol: 0.1, rtol: 0.1, outlierFraction: 0, outlierAtol: 0 } as const;
const array = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

describe("errorRatio", () => {
  it("takes the worse of largest error and relative norm", () => {
    expect(errorRatio(array(1, 2.05), { ...array(1, 2), tolerance: norm })).toBeCloseTo(0.05 / Math.sqrt(5) / 0.01, 4);
    expect(errorRatio(array(1, 2.05), { ...array(1, 2), tolerance: { ...norm, relativeL2: 1 } })).toBeCloseTo(0.5, 4);
  });

  it("compares outputs that are zero up to rounding by atol only", () => {
    const tolerance = { ...norm, magnitude: 1e-12 };
    expect(errorRatio(array(0.05), { ...array(1e-12), tolerance })).toBeCloseTo(0.5, 4);
  });

  it("adds the relative part element by element", () => {
    expect(errorRatio(array(2.15), { ...array(2), tolerance: element })).toBeCloseTo(0.5, 4);
  });

  it("lets the given share of elements be outliers, within their limit", () => {
    const tolerance = { ...element, outlierFraction: 0.5, outlierAtol: 1 };
    expect(errorRatio(array(2, 2.5), { ...array(2, 2), tolerance })).toBeCloseTo(0.5, 4);
    expect(errorRatio(array(2, 4), { ...array(2, 2), tolerance })).toBeCloseTo(2, 4);
  });

  it("counts NaN and a wrong shape as infinitely wrong", () => {
    expect(errorRatio(array(NaN), { ...array(1), tolerance: element })).toBe(Infinity);
    expect(errorRatio(array(1, 1), { ...array(1), tolerance: element })).toBe(Infinity);
  });
});

it("compares exactly and numerically", () => {
  expect(compareExact("a", [1, 2], [1, 2]).ratio).toBe(0);
  expect(compareExact("a", [1, 2], [1, 3]).ratio).toBe(Infinity);
  expect(compareNumbers("a", [1, 2], [1, 2.5], 1).ratio).toBe(0.5);
  expect(compareNumbers("a", [1], [1, 2], 1).ratio).toBe(Infinity);
});
