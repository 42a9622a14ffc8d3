// Single-byte encodings that UTF-8 text is often misread in, with the "sloppy" rule of browsers: a byte without a
// character stands for the control character of the same number.
import { windows1252Character } from "./windows-1252.js";

export interface LegacyEncoding {
  readonly name: string;
  /** The character of each byte. */
  readonly characters: readonly string[];
  /** The byte of each character. */
  readonly bytes: ReadonlyMap<string, number>;
}

/** From the likeliest misreading to the least. */
const names = [
  "latin-1",
  "windows-1252",
  "windows-1251",
  "windows-1250",
  "windows-1253",
  "windows-1254",
  "windows-1257",
  "iso-8859-2",
  "macintosh",
  "cp437",
] as const;

/** The upper half of the IBM PC's code page, which `TextDecoder` does not know. */
const upperHalfOf437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
  "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

let encodings: readonly LegacyEncoding[] | undefined;

/** The encodings, built on first use. */
export function legacyEncodings(): readonly LegacyEncoding[] {
  encodings ??= names.map(buildEncoding);
  return encodings;
}

/** The text's bytes in `encoding`; undefined when it has a character that the encoding lacks. */
export function encodeIn(text: string, encoding: LegacyEncoding): Uint8Array | undefined {
  const bytes: number[] = [];
  for (const character of text) {
    const byte = encoding.bytes.get(character);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function buildEncoding(name: (typeof names)[number]): LegacyEncoding {
  const characters = Array.from({ length: 256 }, (_, byte) => {
    if (byte < 0x80 || name === "latin-1") return String.fromCharCode(byte);
    if (name === "cp437") return upperHalfOf437[byte - 0x80]!;
    if (name === "windows-1252") return windows1252Character(byte);
    const decoded = new TextDecoder(name).decode(Uint8Array.of(byte));
    return decoded === "\ufffd" ? String.fromCharCode(byte) : decoded;
  });
  // In the Windows pages the control character SUBSTITUTE carries the mark of a lost character through the repair.
  if (name.startsWith("windows")) characters[0x1a] = "\ufffd";
  return { name, characters, bytes: new Map(characters.map((character, byte) => [character, byte])) };
}
