// The caption cleaner that text-to-video models of the PixArt family were trained with.
import { ConfigError } from "@noisereel/core";
import { addressRules, applyRules, characterRules, phraseRules } from "./caption-rules.js";
import { strip } from "./character-classes.js";
import { fixText } from "./fix-text.js";
import { htmlText } from "./html-text.js";
import { htmlUnescape } from "./html-unescape.js";
import { unquotePlus } from "./url-decode.js";

/** How a prompt becomes the text that is tokenised. */
export type CaptionCleaning =
  /** The cleaner, applied twice: what the reference does in training and sampling. */
  | "twice"
  /** Lower case and no outer white space. */
  | "lower"
  /** As it is. */
  | "none";

/**
 * One pass of the cleaner. It removes addresses, markup, nicknames, Chinese characters, ids, file names and shop
 * phrases, evens out dashes, quotes and white space, repairs wrongly decoded text and lower-cases everything.
 * The result may be empty (`"free shipping"`), and a second pass may change it again.
 */
export function cleanCaption(caption: string): string {
  const lowered = strip(unquotePlus(caption)).toLowerCase();
  const plain = htmlText(applyRules(lowered, addressRules));
  const evened = replaceManyDashes(applyRules(plain, characterRules));
  const repaired = strip(htmlUnescape(htmlUnescape(fixText(evened))));
  return strip(applyRules(repaired, phraseRules));
}

/** `cleanCaption` applied twice, the preprocessing of the reference. */
export function cleanCaptionTwice(caption: string): string {
  return cleanCaption(cleanCaption(caption));
}

/** Applies one of the cleanings by name. */
export function applyCleaning(caption: string, cleaning: CaptionCleaning): string {
  if (cleaning === "twice") return cleanCaptionTwice(caption);
  return cleaning === "lower" ? strip(caption.toLowerCase()) : caption;
}

/** True when nothing of the caption is left after cleaning. */
export function emptyAfterCleaning(caption: string, cleaning: CaptionCleaning = "twice"): boolean {
  return strip(applyCleaning(caption, cleaning)) === "";
}

/**
 * The cleaned caption.
 *
 * @throws ConfigError when nothing is left of it.
 */
export function assertCaption(caption: string, cleaning: CaptionCleaning = "twice"): string {
  const cleaned = applyCleaning(caption, cleaning);
  if (strip(cleaned) === "") {
    throw new ConfigError(
      `caption ${JSON.stringify(caption)} is empty after cleaning; write what can be seen, in words of Latin, Greek or Cyrillic letters, or turn cleaning off`,
    );
  }
  return cleaned;
}

/** more-than-three-dashes-or_underscores join words, so all of them become spaces. */
function replaceManyDashes(text: string): string {
  const pattern = /[-_]/g;
  return (text.match(pattern)?.length ?? 0) > 3 ? text.replace(pattern, " ") : text;
}
