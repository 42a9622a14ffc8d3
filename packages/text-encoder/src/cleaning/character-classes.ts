// Pieces of regular expressions that mean what Python's `re` means by them: its \w, \d, \s and \b know Unicode, and its
// white space is not JavaScript's. For patterns with the "u" flag.

/** Members of a letter-or-digit class, to be put between brackets. */
export const wordMembers = "\\p{L}\\p{N}_";
export const word = `[${wordMembers}]`;
export const digit = "\\p{Nd}";
export const notDigit = "\\P{Nd}";
/** Members of the white-space class, to be put between brackets. */
export const spaceMembers = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
export const space = `[${spaceMembers}]`;
export const notSpace = `[^${spaceMembers}]`;
export const boundary = `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;

const outerSpace = new RegExp(`^${space}+|${space}+$`, "gu");

/** Python's `str.strip()`. */
export function strip(text: string): string {
  return text.replace(outerSpace, "");
}
