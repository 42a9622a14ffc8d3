// The one code page that is spelled out: Node 20's `TextDecoder("windows-1252")` reads ISO 8859-1 instead.

const from80To9f = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** The character of a byte in Windows-1252; the five bytes without one give the control character of that number. */
export function windows1252Character(byte: number): string {
  return byte >= 0x80 && byte <= 0x9f ? from80To9f[byte - 0x80]! : String.fromCharCode(byte);
}
