// Repairs text whose UTF-8 bytes were read in another encoding ("schÃ¶n" for "schön"), also when it happened repeatedly.
// The behaviour is that of `fix_encoding` of ftfy 6 (Speer, "ftfy", Zenodo 2019); the signs are our own.
import { encodeIn, legacyEncodings } from "./legacy-encodings.js";
import { windows1252Character } from "./windows-1252.js";
import { looksMisread, misreadRun } from "./mojibake-signs.js";

/** Undoes one misreading after the other until nothing looks wrong any more. */
export function fixEncoding(text: string): string {
  let result = text;
  for (;;) {
    const repaired = undoOne(result);
    if (repaired === result) return result;
    result = repaired;
  }
}

/** Replaces C1 control characters by what their bytes are in Windows-1252. */
export function fixControlsOfC1(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these characters are what is looked for
  return text.replace(/[\x80-\x9f]/g, (character) => windows1252Character(character.charCodeAt(0)));
}

function undoOne(text: string): string {
  if (!looksMisread(text)) return text;
  const possible = new Set<string>();
  for (const encoding of legacyEncodings()) {
    const bytes = encodeIn(text, encoding);
    if (bytes === undefined) continue;
    possible.add(encoding.name);
    const decoded = decodeDamaged(bytes, encoding.name.startsWith("windows"));
    if (decoded !== undefined) return decoded;
  }
  // Parts of it may be misread while the rest is right.
  const inParts = text.replace(misreadRun(), (run) =>
    run.length < text.length && looksMisread(run) ? fixEncoding(run) : run,
  );
  if (inParts !== text) return inParts;
  return possible.has("latin-1") && possible.has("windows-1252") ? text : fixControlsOfC1(text);
}

/** The text of UTF-8 bytes that may have lost a no-break space or a whole byte; undefined when they are not UTF-8. */
function decodeDamaged(bytes: Uint8Array, marksLost: boolean): string | undefined {
  let binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  binary = restoreNoBreakSpaces(binary);
  if (marksLost) binary = binary.replace(lostBytes(), "\xef\xbf\xbd");
  binary = joinVariants(binary);
  try {
    const repaired = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(repaired);
  } catch {
    return undefined; // not UTF-8: another encoding is tried
  }
}

/** A no-break space is byte A0; where one belongs inside a character, an ordinary space took its place. */
function restoreNoBreakSpaces(binary: string): string {
  const inner = "[\x80-\x84\x86-\x9f\xa1-\xbf]";
  return binary
    .replace(/\xc3 (?! |quele|quela|quilo|s )/g, "\xc3\xa0 ")
    .replace(new RegExp(`[\xc2\xc3\xc5\xce\xd0\xd9] |[\xe2\xe3] ${inner}|[\xe0-\xe3]${inner} `, "g"), (found) =>
      found.replace(" ", "\xa0"),
    );
}

/** A character of which at least one byte was lost: a question mark or the mark of a lost character stands there. */
function lostBytes(): RegExp {
  const mark = "\x1a";
  const lost = `[${mark}?]`;
  const some = `[${mark}\x80-\xbf]`;
  const alternatives = [
    `[\xc2-\xdf]${mark}|[\xc2\xc3]\\?`,
    `[\xe0-\xef](?:${lost}${some}|${some}${lost})`,
    `[\xf0-\xf4](?:${lost}${some}${some}|${some}${lost}${some}|${some}${some}${lost})`,
    mark,
  ];
  return new RegExp(alternatives.join("|"), "g");
}

/** Two habits that strict UTF-8 forbids: each half of a surrogate pair as a character, and C0 80 for zero. */
function joinVariants(binary: string): string {
  return binary
    .replace(/\xc0\x80/g, "\0")
    .replace(
      /\xed([\xa0-\xaf])([\x80-\xbf])\xed([\xb0-\xbf])([\x80-\xbf])/g,
      (_, a: string, b: string, c: string, d: string) => {
        const half = (high: string, low: string): number =>
          0xd000 | ((high.charCodeAt(0) & 0x3f) << 6) | (low.charCodeAt(0) & 0x3f);
        const bytes = new TextEncoder().encode(String.fromCharCode(half(a, b), half(c, d)));
        return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
      },
    );
}
