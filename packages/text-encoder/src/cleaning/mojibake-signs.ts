// Does a text look as if UTF-8 had been read in another encoding? The signs are derived from the code pages.
import { legacyEncodings } from "./legacy-encodings.js";

/** First bytes of UTF-8 characters that are met often and look like no language when misread. */
const tellingBytes: readonly (readonly number[])[] = [
  [0xe2, 0x80], // quotes, dashes, ellipsis
  [0xe2, 0x82], // euro sign
  [0xe2, 0x84], // trade mark
  [0xe3, 0x81], // kana
  [0xe3, 0x82],
  [0xe3, 0x83],
  [0xf0, 0x9f], // emoji
  [0xef, 0xbf, 0xbd], // replacement character
  [0xef, 0xbb, 0xbf], // byte order mark
];

/** What follows an accented letter in ordinary writing: punctuation, marks, ordinals, footnotes, most letters. */
const ordinaryFollower = /[\p{P}\s®™©°²³¹ªº]|(?![ƒˆœŒšŠžŽŸµ])\p{L}/u;
/** First halves of Latin letters that are hardly ever written themselves. */
const tellingLead = /[ÂÃĂĹ√├]/;
/** An opening quote inside a word, or the mark of a lost character after an accented letter. */
const strangeAfterLetter = /\p{Lu}[“„‘‚‹](?=\p{L})|(?![a-zA-Z])\p{L}\ufffd/u;

interface Signs {
  /** Beginnings of misread characters. */
  readonly telling: readonly string[];
  /** Accented capitals and such, then one continuation: "Ã©". */
  readonly pair: RegExp;
  /** An accented small letter, then two continuations: "â˜…". */
  readonly triple: RegExp;
  /** Characters of two bytes in a row: "РџСЂ". */
  readonly pairs: RegExp;
  /** A run of misread characters within other text. */
  readonly run: RegExp;
}

let built: Signs | undefined;

/** True when the text has a sign of misread UTF-8. Ordinary accented text, also "CAFÉ…", has none. */
export function looksMisread(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- C1 controls are what a misread byte leaves
  if (/[\x80-\x9f]/.test(text)) return true;
  const { telling, pair, triple, pairs } = signs();
  if (telling.some((sign) => text.includes(sign)) || pairs.test(text) || strangeAfterLetter.test(text)) return true;
  for (const match of text.matchAll(pair)) {
    const [lead, follower] = match[0] as unknown as [string, string];
    if (tellingLead.test(lead) || !ordinaryFollower.test(follower)) return true;
  }
  for (const match of text.matchAll(triple)) {
    if (!Array.from(match[0].slice(1)).every((follower) => ordinaryFollower.test(follower))) return true;
  }
  return false;
}

/** Runs of what may be misread UTF-8, also inside text that is right. */
export function misreadRun(): RegExp {
  return signs().run;
}

function signs(): Signs {
  built ??= buildSigns();
  return built;
}

function buildSigns(): Signs {
  const pages = legacyEncodings();
  const windows = pages.filter((page) => page.name.startsWith("windows"));
  const latin = windows.filter((page) => !["windows-1251", "windows-1253"].includes(page.name));
  const inPages = (from: readonly (typeof pages)[number][], start: number, end: number): string =>
    classOf(from.flatMap((page) => page.characters.slice(start, end + 1)));
  const all = pages.filter((page) => page.name !== "iso-8859-2");
  const continuation = `[${inPages(windows, 0x80, 0xbf)}]`;
  const cyrillicAndGreek = windows.filter((page) => !latin.includes(page));
  return {
    telling: all.flatMap((page) => tellingBytes.map((bytes) => bytes.map((byte) => page.characters[byte]!).join(""))),
    pair: new RegExp(`(?:[${inPages(latin, 0xc2, 0xdf)}]${continuation}|[√├][^\\x00-\\x7f])`, "gu"),
    triple: new RegExp(`[${inPages(latin, 0xe0, 0xef)}][${inPages(latin, 0x80, 0xbf)}]{2}`, "gu"),
    pairs: new RegExp(
      cyrillicAndGreek
        .map((page) => {
          const leads = classOf([0xc2, 0xc3, 0xce, 0xcf, 0xd0, 0xd1].map((byte) => page.characters[byte]!));
          return `(?:[${leads}][${inPages([page], 0x80, 0xbf)}]){2}`;
        })
        .join("|"),
      "u",
    ),
    run: new RegExp(
      `(?<!${continuation})(?:[${inPages(windows, 0xc2, 0xdf)}]${continuation}|[${inPages(windows, 0xe0, 0xef)}]${continuation}{2}|[${inPages(windows, 0xf0, 0xf3)}]${continuation}{3})+`,
      "gu",
    ),
  };
}

/** Distinct characters, escaped for a place between brackets. */
function classOf(characters: readonly string[]): string {
  return [...new Set(characters)].map((character) => `\\u{${character.codePointAt(0)!.toString(16)}}`).join("");
}
