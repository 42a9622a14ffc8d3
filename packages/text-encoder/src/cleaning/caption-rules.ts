// The substitutions of the DeepFloyd / PixArt caption cleaner, as tables that run from top to bottom.
import { boundary, digit, notDigit, notSpace, space, word, wordMembers } from "./character-classes.js";

/** Replaces every match of `pattern`; `$1` in the replacement is the first group. */
export interface CaptionRule {
  readonly what: string;
  readonly pattern: RegExp;
  readonly replacement: string;
}

const rule = (what: string, pattern: string, replacement = ""): CaptionRule => ({
  what,
  pattern: new RegExp(pattern, "gu"),
  replacement,
});

const letter = "[a-zA-Z]";
const fileType = "(?:png|jpg|jpeg|bmp|webp|eps|pdf|apk|mp4)";
const domain = `[a-zA-Z0-9.\\-]+[.](?:com|co|ru|net|org|edu|gov|it)[${wordMembers}/\\-]*${boundary}/?(?!@)`;
const address = (scheme: string): string => `${boundary}(?:${scheme}:(?:/{1,3}|[a-zA-Z0-9%])|${domain})`;

/** Before the markup is removed. */
export const addressRules: readonly CaptionRule[] = [
  rule("a placeholder of one data set", "<person>", "person"),
  rule("web addresses", address("https?")),
  rule("web addresses", address("www")),
];

/** After the markup is removed, before the text is repaired. */
export const characterRules: readonly CaptionRule[] = [
  rule("nicknames", `@${word}+${boundary}`),
  rule("CJK strokes, phonetic extensions, enclosed letters, compatibility forms", "[\\u31c0-\\u33ff]+"),
  rule("CJK ideographs and hexagrams; kana stay", "[\\u3400-\\u9fff]+"),
  rule(
    "all dashes",
    "[\\x2d\\u058a\\u05be\\u1400\\u1806\\u2010-\\u2015\\u2e17\\u2e1a\\u2e3a\\u2e3b\\u2e40\\u301c\\u3030\\u30a0\\ufe31\\ufe32\\ufe58\\ufe63\\uff0d]+",
    "-",
  ),
  rule("double quotes", "[`´«»“”¨]", '"'),
  rule("single quotes", "[‘’]", "'"),
  rule("escaped quotes", "&quot;?"),
  rule("escaped ampersands", "&amp"),
  rule("network addresses", `${digit}{1,3}(?:\\.${digit}{1,3}){3}`, " "),
  rule("a time at the end, when white space follows", `${digit}:${digit}{2}${space}+$`),
  rule("a backslash and an n", "\\\\n", " "),
  rule("#1 to #999", `#${digit}{1,3}${boundary}`),
  rule("#10000 and above", `#${digit}{5,}${boundary}`),
  rule("numbers of six digits and more", `${boundary}${digit}{6,}${boundary}`),
  rule("file names", `${notSpace}+\\.${fileType}`),
  rule("repeated quotes", "[\"']{2,}", '"'),
  rule("repeated dots", "\\.{2,}", " "),
  rule("signs that say nothing", "[#®•©™&@·º½¾¿¡§~()\\[\\]{}|\\\\/*]+", " "),
  rule("a dot on its own", `${space}+\\.${space}+`, " "),
];

/** After the text is repaired. */
export const phraseRules: readonly CaptionRule[] = [
  rule("ids such as abc123", `${boundary}${letter}{1,3}${digit}{3,15}${boundary}`),
  rule("ids such as ab1cd", `${boundary}${letter}+${digit}+${letter}+${boundary}`),
  rule("ids such as 1a2", `${boundary}${digit}+${letter}+${digit}+${boundary}`),
  rule("(worldwide) (free) shipping", `(?:worldwide${space}+)?(?:free${space}+)?shipping`),
  rule("(free) download (free)", `(?:free${space})?download(?:${space}free)?`),
  rule("click for this, click on that", `${boundary}click${boundary}${space}(?:for|on)${space}${word}+`),
  rule("file types on their own", `${boundary}${fileType}(?:${space}images?)?`),
  rule("page numbers", `${boundary}page${space}+${digit}+${boundary}`),
  rule(
    "ids of mixed letters and digits",
    `${boundary}${digit}*${letter}+${digit}+${letter}+${digit}+(?:${letter}|${digit})*${boundary}`,
    " ",
  ),
  rule(
    "sizes such as 1920x1080, also with the Cyrillic letter",
    `${boundary}${digit}+\\.?${digit}*[xх×]${digit}+\\.?${digit}*${boundary}`,
  ),
  rule("space before a colon", `${boundary}${space}+:${space}+`, ": "),
  rule("no space after a comma, dot or slash", `(${notDigit}[,./])${boundary}`, "$1 "),
  rule("runs of white space", `${space}+`, " "),
  rule("a pair of quotes around everything", "^[\"']([^]+)[\"']$", "$1"),
  rule("a sign at the start", "^['_,\\-:;]"),
  rule("a sign at the end", "['_,\\-:+]$"),
  rule("one word that starts with a dot", `^\\.${notSpace}+$`),
];

export function applyRules(text: string, rules: readonly CaptionRule[]): string {
  return rules.reduce((result, { pattern, replacement }) => result.replace(pattern, replacement), text);
}
