import { describe, expect, test } from "vitest";
import { fixText } from "./fix-text.js";

describe("fixText repairs", () => {
  test.each([
    ["UTF-8 read as Windows-1252", "schÃ¶n, l’humanitÃ©, âœ” ðŸ˜‚", "schön, l'humanité, ✔ 😂"],
    [
      "the same, three times over",
      "The Mona Lisa doesnÃƒÂ¢Ã¢â€šÂ¬Ã¢â€žÂ¢t have eyebrows.",
      "The Mona Lisa doesn't have eyebrows.",
    ],
    ["a no-break space that became a space", "Ã perturber la rÃ©flexion", "à perturber la réflexion"],
    ["references together with misread bytes", "&macr;\\_(ã\x83\x84)_/&macr;", "¯\\_(ツ)_/¯"],
    ["misread parts between right ones", "(à¸‡'âŒ£')à¸‡ déjà", "(ง'⌣')ง déjà"],
    ["UTF-8 read as Windows-1251", "РџСЂРёРІРµС‚, вЂњquotesвЂќ", 'Привет, "quotes"'],
    ["UTF-8 read as Windows-1250", "Ĺ‚Ăłdka", "łódka"],
    ["UTF-8 read as MacRoman", "√©t√©", "été"],
    ["UTF-8 read in the IBM PC's code page", "├⌐t├⌐", "été"],
    ["Chinese", "ä½\u00a0å¥½", "你好"],
    ["bytes lost on the way", "caf\u00c3\ufffd", "caf\ufffd"],
    ["C1 controls", "\x93quoted\x94", '"quoted"'],
    ["upper-cased references", "P&EACUTE;REZ &amp; &#x41;", "PÉREZ & A"],
    ["full-width forms and ideographic spaces", "ＬＯＵＤ　ＮＯＩＳＥＳ", "LOUD NOISES"],
    ["ligatures", "ﬂuﬃest", "fluffiest"],
    ["terminal escapes and controls", "\x1b[36;44mI'm blue\x1b[0m\x07\ufeff", "I'm blue"],
    ["line ends", "a\u2028b\r\nc\rd", "a\nb\nc\nd"],
    ["lone surrogates", "x \ud800", "x \ufffd"],
    ["decomposed letters", "e\u0301", "é"],
  ])("%s", (_, damaged, expected) => {
    expect(fixText(damaged)).toBe(expected);
  });
});

describe("fixText leaves alone", () => {
  test.each([
    "IL Y MARQUÉ…",
    "CAFÉ—a nice place, déjà » 20 °C, ½ cup, £5, €3",
    "Віктор і Ніна",
    "Łódź i Śląsk, ŠKODA ČESKÁ",
    "ÅÆØ and åæø, ÍSLENSKA Þór",
    "Ελληνικά κείμενα",
    "中文 日本語 한국어 😀",
    "",
  ])("%s", (text) => {
    expect(fixText(text)).toBe(text);
  });

  test("references in a text with markup, from the first < on", () => {
    expect(fixText("a &amp; b\n<i> &amp;\n&amp;")).toBe("a & b\n<i> &amp;\n&amp;");
  });
});
