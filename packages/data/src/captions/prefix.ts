// What captioning models say before they say anything.

/** Beginnings without information, as such models write them; matched without regard to case. */
export const captionPrefixes: readonly RegExp[] = [
  /^(?:sure|certainly|of course)[,!.:]?\s+(?:here(?:'s| is| are)[^:]{0,60}:\s*)?/i,
  /^here(?:'s| is) (?:a|the)(?: detailed| brief| short)? (?:caption|description)[^:]{0,40}:\s*/i,
  /^(?:caption|description|answer)\s*:\s*/i,
  /^(?:in (?:the|this) (?:video|clip|image|picture|scene|frame|footage)(?: clip)?,?\s+)/i,
  /^(?:the|this) (?:video|clip|image|picture|photo|scene|frame|footage)(?: clip| sequence)?\s+(?:(?:begins|opens|starts) with|shows|showcases|depicts|features|captures|presents|displays|portrays|illustrates|contains|is of|is showing)\s+(?:that\s+)?/i,
  /^(?:we|you|the viewer|viewers)(?: can)? see(?:s)?\s+/i,
];

/**
 * Takes such beginnings off, one after the other, and begins the rest with a capital letter. A caption that would become
 * empty stays as it is.
 */
export function stripCaptionPrefix(caption: string, options: { readonly prefixes?: readonly RegExp[] } = {}): string {
  const { prefixes = captionPrefixes } = options;
  let rest = caption.trim();
  for (let found = true; found;) {
    found = false;
    for (const prefix of prefixes) {
      const shorter = rest.replace(prefix, "").trimStart();
      if (shorter === rest || shorter === "") continue;
      rest = shorter;
      found = true;
    }
  }
  return rest === caption.trim() ? caption : rest.charAt(0).toUpperCase() + rest.slice(1);
}
