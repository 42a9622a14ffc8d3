// Whether a decoder may begin at a packet: containers mark packets as key ones that are not, so the bytes are looked at.

/** The codecs that `isEntryPacket` knows. */
export type SeekableCodec = "avc" | "hevc" | "vp9";

/** `getDecoderConfig().description` of a track: `avcC` or `hvcC`; VP9 has none. */
export type CodecDescription = Uint8Array | undefined;

export const isSeekableCodec = (codec: string | null): codec is SeekableCodec =>
  codec === "avc" || codec === "hevc" || codec === "vp9";

/**
 * True when every frame that is shown at or after this packet's frame decodes without anything before the packet: H.264 IDR
 * pictures (of 4:2:0 and 4:2:2 profiles), HEVC random access points, VP9 key frames that are shown. False in any doubt.
 */
export function isEntryPacket(codec: SeekableCodec, data: Uint8Array, description: CodecDescription): boolean {
  if (codec === "vp9") return isShownVp9Key(data);
  if (description === undefined) return false; // units without stated lengths
  return codec === "avc" ? isIdrPicture(data, description) : isHevcAccessPoint(data, description);
}

/** H.264, 7.3.1 and table 7-1: types 1 to 5 are slices, 5 those of an IDR picture. avcC: ISO/IEC 14496-15, 5.2.4. */
function isIdrPicture(data: Uint8Array, description: Uint8Array): boolean {
  // 4:4:4 profiles are left out: decoders work around an old encoder's mistake that only the file's first packet names.
  if (![66, 77, 88, 100, 110, 122].includes(description[1] ?? 0)) return false;
  const types = unitTypes(data, ((description[4] ?? 0) & 3) + 1, (byte) => byte & 31);
  const slices = types?.filter((type) => type >= 1 && type <= 5) ?? [];
  return slices.length > 0 && slices.every((type) => type === 5);
}

/** HEVC, table 7-1: types below 32 are slices, 16 to 21 those of random access points. hvcC: ISO/IEC 14496-15, 8.3.3. */
function isHevcAccessPoint(data: Uint8Array, description: Uint8Array): boolean {
  const types = unitTypes(data, ((description[21] ?? 0) & 3) + 1, (byte) => (byte >> 1) & 63);
  const slices = types?.filter((type) => type < 32) ?? [];
  return slices.length > 0 && slices.every((type) => type >= 16 && type <= 21);
}

/** The types of the units of a packet, each of which follows its length; undefined when lengths and packet disagree. */
function unitTypes(
  data: Uint8Array,
  lengthBytes: number,
  typeOf: (firstByte: number) => number,
): readonly number[] | undefined {
  const types: number[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + lengthBytes >= data.length) return undefined;
    let length = 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + data[at + i]!;
    at += lengthBytes;
    if (length === 0 || at + length > data.length) return undefined;
    types.push(typeOf(data[at]!));
    at += length;
  }
  return types;
}

/** VP9, 6.2: marker (2 bits), profile (2, and 1 reserved for profile 3), show_existing_frame, frame_type, show_frame. */
function isShownVp9Key(data: Uint8Array): boolean {
  const bits = ((data[0] ?? 0) << 8) | (data[1] ?? 0);
  const bit = (position: number): number => (bits >> (15 - position)) & 1;
  if (bit(0) !== 1 || bit(1) !== 0) return false;
  const next = bit(2) === 1 && bit(3) === 1 ? 5 : 4;
  return bit(next) === 0 && bit(next + 1) === 0 && bit(next + 2) === 1;
}
