import { expect, it } from "vitest";
import { alignColumns, formatNumber, formatSeconds, formatValues, shorten } from "./format.js";

it("writes durations as people say them", () => {
  expect([0.84, 9.9, 42.4, 59.7, 125, 3725].map(formatSeconds)).toEqual([
    "0.8 s",
    "9.9 s",
    "42 s",
    "1:00",
    "2:05",
    "1:02:05",
  ]);
});

it("keeps four digits of a number", () => {
  expect([0, 17, 0.12345, 0.00001234, 12345678.9, NaN].map(formatNumber)).toEqual([
    "0",
    "17",
    "0.1235",
    "1.23e-5",
    "1.23e+7",
    "NaN",
  ]);
  expect(formatValues({ loss: 0.5, kl: 12 })).toBe("loss 0.5000  kl 12");
});

it("cuts text by characters, not by code units", () => {
  expect(shorten("abcdef", 6)).toBe("abcdef");
  expect(shorten("🦜🦜🦜🦜", 3)).toBe("🦜🦜…");
});

it("aligns columns and leaves no spaces at the end", () => {
  expect(alignColumns([["a", "b"], ["long", ""], ["c"]])).toEqual(["  a     b", "  long", "  c"]);
});
