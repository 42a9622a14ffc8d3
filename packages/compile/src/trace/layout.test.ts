import { describe, expect, it } from "vitest";
import { inverse, isFreeMove, permuteValues, reshapeLayout } from "./layout.js";

describe("permuteValues", () => {
  it("moves rows and columns", () => {
    expect([...permuteValues(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], [1, 0])]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it("is undone by the inverse", () => {
    const values = Int32Array.from({ length: 120 }, (_, index) => index);
    const perm = [2, 0, 3, 1];
    const moved = permuteValues(values, [2, 3, 4, 5], perm);
    expect(permuteValues(moved, [4, 2, 5, 3], inverse(perm))).toEqual(values);
  });

  it("copies nothing when only axes of length 1 move", () => {
    const values = Float32Array.of(1, 2, 3);
    expect(permuteValues(values, [1, 3], [1, 0])).toBe(values);
    expect(isFreeMove([0, 1, 2], [1, 0, 2], [1, 4, 5])).toBe(true);
    expect(isFreeMove([0, 1, 2], [1, 0, 2], [2, 4, 5])).toBe(false);
  });
});

describe("reshapeLayout", () => {
  it("keeps a layout whose merged axes stay neighbours", () => {
    // [B, T, H, W, C] lying as [B, T, C, H, W], seen as [B * T, H, W, C]
    expect(reshapeLayout([2, 3, 4, 5, 6], [2, 3, 6, 4, 5], [0, 1, 4, 2, 3], [6, 4, 5, 6])).toEqual({
      physicalShape: [6, 6, 4, 5],
      perm: [0, 3, 1, 2],
    });
  });

  it("gives up where elements would have to move", () => {
    expect(reshapeLayout([4, 6], [6, 4], [1, 0], [24])).toBeUndefined();
  });

  it("splits an axis in place", () => {
    expect(reshapeLayout([4, 6], [6, 4], [1, 0], [4, 2, 3])).toEqual({ physicalShape: [2, 3, 4], perm: [1, 2, 0] });
  });

  it("leaves repeated axes unrepeated", () => {
    expect(reshapeLayout([2, 3, 4], [1, 1, 4], [0, 1, 2], [6, 4])).toEqual({ physicalShape: [1, 4], perm: [0, 1] });
    expect(reshapeLayout([2, 3], [2, 1], [0, 1], [6])).toBeUndefined();
  });

  it("keeps new axes of length 1 beside their neighbours", () => {
    expect(reshapeLayout([2, 3], [2, 3], [0, 1], [2, 1, 3])).toEqual({ physicalShape: [2, 1, 3], perm: [0, 1, 2] });
  });
});
