// Character references, as Python's `html.unescape` reads them.
import { decodeHTML } from "entities/decode";
import { windows1252Character } from "./windows-1252.js";

const reference = /&(?:#(?<decimal>[0-9]+);?|#[xX](?<hexadecimal>[0-9a-fA-F]+);?|(?<name>[^\t\n\f <&#;]{1,32};?))/g;

/** Decodes every reference once, also the old names that need no semicolon (`&copy2` is `©2`). */
export function htmlUnescape(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(reference, (whole, ...rest) => {
    const groups = rest.at(-1) as { decimal?: string; hexadecimal?: string };
    if (groups.decimal !== undefined) return numericReference(Number.parseInt(groups.decimal, 10));
    if (groups.hexadecimal !== undefined) return numericReference(Number.parseInt(groups.hexadecimal, 16));
    return decodeHTML(whole);
  });
}

function numericReference(code: number): string {
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return "\ufffd";
  if (code === 0x0d) return "\r";
  if (code >= 0x80 && code <= 0x9f) return windows1252Character(code);
  if (isForbidden(code)) return "";
  return String.fromCodePoint(code);
}

/** Control characters and noncharacters that HTML does not allow in a reference. */
function isForbidden(code: number): boolean {
  const control = (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0c) || code === 0x7f;
  const nonCharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
  return control || nonCharacter;
}
