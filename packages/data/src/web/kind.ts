// What kind of file it is, by its first bytes: names lie, and blobs have none.

/** `gif` and `webp` go to the browser's picture decoder, `video` is taken for a container, `avi` is not read here. */
export type FileKind = "gif" | "webp" | "avi" | "video";

/** The kind of a file that begins with `head`. Everything that is not recognised may be a video. */
export function fileKind(head: Uint8Array): FileKind {
  const text = String.fromCharCode(...head.subarray(0, 12));
  if (/^GIF8[79]a/.test(text)) return "gif";
  if (/^RIFF.{4}WEBP/s.test(text)) return "webp";
  if (/^RIFF.{4}AVI /s.test(text)) return "avi";
  return "video";
}

/**
 * The size that a webm or mkv file says it has, in bytes; undefined where it does not say or is something else. Other
 * containers list their packets, so what is missing shows by itself.
 */
export function statedSize(head: Uint8Array): number | undefined {
  const header = element(head, 0);
  if (header?.id !== 0x1a45dfa3) return undefined;
  const segment = element(head, header.body + header.size);
  if (segment?.id !== 0x18538067 || !Number.isFinite(segment.size)) return undefined;
  return segment.body + segment.size;
}

/** An element of EBML (RFC 8794, section 6): identifier, size, and where its body begins. An unknown size is infinite. */
function element(bytes: Uint8Array, at: number): { id: number; size: number; body: number } | undefined {
  const idLength = Math.clz32(bytes[at] ?? 0) - 23;
  const sizeLength = Math.clz32(bytes[at + idLength] ?? 0) - 23;
  const body = at + idLength + sizeLength;
  if (idLength > 4 || sizeLength > 8 || body > bytes.length) return undefined;
  const number = (from: number, to: number, first: number): number =>
    bytes.subarray(from + 1, to).reduce((value, byte) => value * 256 + byte, first);
  const marker = 2 ** (8 - sizeLength);
  const first = bytes[at + idLength]! - marker;
  const unknown = first === marker - 1 && bytes.subarray(at + idLength + 1, body).every((byte) => byte === 255);
  return {
    id: number(at, at + idLength, bytes[at]!),
    size: unknown ? Infinity : number(at + idLength, body, first),
    body,
  };
}
