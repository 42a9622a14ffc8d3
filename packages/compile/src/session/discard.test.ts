import { expect, it } from "vitest";
import { discard } from "./discard.js";

it("frees large arrays at once, one that is named twice too, and leaves small ones alone", () => {
  const bytes = (): number => process.memoryUsage().arrayBuffers;
  const [large, small] = [new Float32Array(2 ** 22), new Float32Array(16)];
  const before = bytes();
  discard([large, large.subarray(5, 2 ** 20), small]);
  expect(large).toHaveLength(0);
  expect(small).toHaveLength(16);
  expect(before - bytes()).toBeGreaterThan(2 ** 23);
  discard([]);
});
