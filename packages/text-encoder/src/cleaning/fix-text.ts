// Makes damaged text readable again: what `fix_text` of ftfy 6 does with its default settings.
import { decodeHTMLStrict } from "entities/decode";
import { htmlUnescape } from "./html-unescape.js";
import { fixControlsOfC1, fixEncoding } from "./mojibake.js";

/**
 * Repairs `text` line by line: wrongly decoded characters, HTML references (unless a `<` was met), ligatures, full-width
 * and half-width forms, curled quotes, line ends, lone surrogates, terminal escapes and control characters; then NFC.
 */
export function fixText(text: string): string {
  let unescape = true;
  return (text.match(/[^\n]*\n|[^\n]+$/g) ?? [])
    .map((line) => {
      if (line.includes("<")) unescape = false;
      return fixLine(line, unescape);
    })
    .join("");
}

/** Repeats all repairs until none changes anything. */
function fixLine(line: string, unescape: boolean): string {
  let result = line;
  for (;;) {
    const before = result;
    if (unescape) result = unescapeReferences(result);
    result = fixControlsOfC1(fixEncoding(result));
    result = fixCharacters(result).normalize("NFC");
    if (result === before) return result;
  }
}

/** References that end in a semicolon, and upper-cased names such as `&NTILDE;` that mean nothing else. */
function unescapeReferences(line: string): string {
  return line.replace(/&#?[0-9A-Za-z]{1,24};/g, (reference) => {
    if (reference.startsWith("&#")) {
      const decoded = htmlUnescape(reference);
      return decoded.includes(";") ? reference : decoded;
    }
    const decoded = decodeHTMLStrict(reference);
    if (decoded !== reference || reference !== reference.toUpperCase()) return decoded;
    const lower = reference.toLowerCase();
    const fromLower = decodeHTMLStrict(lower);
    return fromLower === lower || htmlUnescape(reference) !== reference ? reference : fromLower.toUpperCase();
  });
}

const ligatures: Readonly<Record<string, string>> = {
  Ĳ: "IJ",
  ĳ: "ij",
  ŉ: "ʼn",
  Ǳ: "DZ",
  ǲ: "Dz",
  ǳ: "dz",
  Ǆ: "DŽ",
  ǅ: "Dž",
  ǆ: "dž",
  Ǉ: "LJ",
  ǈ: "Lj",
  ǉ: "lj",
  Ǌ: "NJ",
  ǋ: "Nj",
  ǌ: "nj",
  ﬀ: "ff",
  ﬁ: "fi",
  ﬂ: "fl",
  ﬃ: "ffi",
  ﬄ: "ffl",
  ﬅ: "ſt",
  ﬆ: "st",
};

/* oxlint-disable no-control-regex -- control characters are what is removed */
function fixCharacters(line: string): string {
  return line
    .replace(/[ĲĳŉǄ-ǌǱ-ǳﬀ-ﬆ]/g, (ligature) => ligatures[ligature] ?? ligature)
    .replace(/\u3000/g, " ")
    .replace(/[\uff01-\uffef]/g, (form) => form.normalize("NFKC"))
    .replace(/[\u02bc\u2018-\u201b]/g, "'")
    .replace(/[\u201c-\u201f]/g, '"')
    .replace(/\r\n|[\r\u2028\u2029\x85]/g, "\n")
    .replace(/\p{Surrogate}/gu, "\ufffd")
    .replace(/\x1b\[[\p{Nd};]*[a-zA-Z]/gu, "")
    .replace(/[\0-\x08\x0b\x0e-\x1f\x7f\u206a-\u206f\ufeff\ufff9-\ufffc]/g, "");
}
/* oxlint-enable no-control-regex */
