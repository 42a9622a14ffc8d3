import { ConfigError } from "@noisereel/core";
import { describe, expect, test } from "vitest";
import { applyCleaning, assertCaption, cleanCaption, cleanCaptionTwice, emptyAfterCleaning } from "./clean-caption.js";
import { unquotePlus } from "./url-decode.js";

describe("cleanCaption", () => {
  test.each([
    ["Kana stay: ひらがな 漢字", "kana stay: ひらがな"],
    ["ＦＵＬＬ width", "full width"],
    ["#7 #77777 #4444", "4444"],
    ["800×600 and 800х600", "and"],
    ["Ångström №5, naïve_test", "ångström №5, naïve_test"],
    ["don’t “stop”", 'don\'t "stop"'],
    ["a\u0085b\ufeffc", "a…bc"],
  ])("%s", (caption, expected) => {
    expect(cleanCaption(caption)).toBe(expected);
  });

  test("a second pass may change the text again", () => {
    const caption = "&lt;b&gt;bold&lt;/b&gt;";
    expect(cleanCaption(caption)).not.toBe(cleanCaptionTwice(caption));
  });
});

test("captions that become empty", () => {
  expect(emptyAfterCleaning("free shipping")).toBe(true);
  expect(emptyAfterCleaning("free shipping", "lower")).toBe(false);
  expect(() => assertCaption("jc6640")).toThrow(ConfigError);
  expect(() => assertCaption("jc6640")).toThrow(/caption "jc6640" is empty after cleaning; write/);
  expect(assertCaption(" A Dog ")).toBe("a dog");
});

test("the other cleanings", () => {
  expect(applyCleaning("  <B> Dog ", "lower")).toBe("<b> dog");
  expect(applyCleaning("  <B> Dog ", "none")).toBe("  <B> Dog ");
});

test("unquotePlus reads bytes as UTF-8 and keeps what is no escape", () => {
  expect(unquotePlus("a+b%20c%C3%A9%zz%4")).toBe("a b cé%zz%4");
  expect(unquotePlus("%ff+é")).toBe("\ufffd é");
});
