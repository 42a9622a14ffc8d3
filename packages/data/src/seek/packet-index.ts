// The frames of a film without decoding it: when each is shown, and at which a decoder may begin. Reads what a container says
// about its packets and, where it matters, a packet's first bytes.
import { open } from "node:fs/promises";
import type { EncodedPacketSink, Input, InputVideoTrack } from "mediabunny";
import type { FilePart } from "../files.js";
import { type CodecDescription, isEntryPacket, isSeekableCodec, type SeekableCodec } from "./key-packets.js";

export interface PacketIndex {
  readonly codec: SeekableCodec;
  /** Seconds at which frames are shown, as the container counts them, ascending. */
  readonly times: Float64Array;
  /** Numbers of frames whose packets are marked as key ones, from 0, ascending; those that cannot be begun at are left out. */
  readonly keys: Int32Array;
}

/** Packets that are looked at before it is given up to find one to begin at. */
const mostLooks = 12;

/**
 * Reads the index of an mp4, mov, webm or mkv. Undefined when the file is none of these or in any doubt: several video
 * tracks, several edits, empty packets, time stamps that are missing or repeat, a first packet that is no beginning.
 */
export async function readPacketIndex(file: string, part: FilePart | undefined): Promise<PacketIndex | undefined> {
  return withTrack(file, part, async (track, sink) => {
    const codec = await track.getCodec();
    if (!isSeekableCodec(codec)) return undefined;
    const shown: number[] = [];
    const marked: number[] = [];
    for await (const packet of sink.packets(undefined, undefined, { metadataOnly: true })) {
      if (packet.byteLength === 0 || !Number.isFinite(packet.timestamp)) return undefined;
      if (packet.type === "key") marked.push(shown.length);
      shown.push(packet.timestamp);
    }
    const index = indexOf(codec, shown, marked);
    if (index === undefined) return undefined;
    return (await isEntry(track, sink, index, 0)) ? index : undefined;
  });
}

/** The last of `candidates` (frame numbers, ascending) at whose packet a decoder may begin, by what the packet holds. */
export async function findEntry(
  file: string,
  options: { readonly part: FilePart | undefined; readonly index: PacketIndex; readonly candidates: readonly number[] },
): Promise<number | undefined> {
  const { part, index, candidates } = options;
  return withTrack(file, part, async (track, sink) => {
    for (const frame of candidates.slice(-mostLooks).toReversed()) {
      if (await isEntry(track, sink, index, frame)) return frame;
    }
    return undefined;
  });
}

/** `shown` and `marked` (positions in it) are in the order of decoding. */
export function indexOf(
  codec: SeekableCodec,
  shown: readonly number[],
  marked: readonly number[],
): PacketIndex | undefined {
  const times = Float64Array.from(shown).toSorted();
  for (let i = 1; i < times.length; i++) if (!(times[i]! > times[i - 1]!)) return undefined;
  if (shown.length === 0 || marked[0] !== 0 || shown[0] !== times[0]) return undefined;
  const latestBefore = new Float64Array(shown.length).fill(-Infinity);
  const earliestAfter = new Float64Array(shown.length).fill(Infinity);
  for (let i = 1; i < shown.length; i++) latestBefore[i] = Math.max(latestBefore[i - 1]!, shown[i - 1]!);
  for (let i = shown.length - 2; i >= 0; i--) earliestAfter[i] = Math.min(earliestAfter[i + 1]!, shown[i + 1]!);
  const numberOf = new Map(Array.from(times, (time, frame) => [time, frame]));
  const keys = marked.filter((position) => {
    // Frames that are decoded after a key packet and shown before it need what was before it; with HEVC the decoder drops them.
    const leads = earliestAfter[position]! < shown[position]!;
    return latestBefore[position]! < shown[position]! && (!leads || codec === "hevc");
  });
  return { codec, times, keys: Int32Array.from(keys, (position) => numberOf.get(shown[position]!)!).toSorted() };
}

async function isEntry(
  track: InputVideoTrack,
  sink: EncodedPacketSink,
  index: PacketIndex,
  frame: number,
): Promise<boolean> {
  const packet = await sink.getPacket(index.times[frame]!);
  if (packet === null || packet.timestamp !== index.times[frame]) return false;
  const description = (await track.getDecoderConfig())?.description;
  return isEntryPacket(index.codec, packet.data, bytesOf(description));
}

const bytesOf = (source: AllowSharedBufferSource | undefined): CodecDescription => {
  if (source === undefined) return undefined;
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
};

let last: Promise<unknown> = Promise.resolve();

/** Opens the only video track of `file`; undefined when there is no such thing or the container library warns. One at a time. */
async function withTrack<Result>(
  file: string,
  part: FilePart | undefined,
  work: (track: InputVideoTrack, sink: EncodedPacketSink) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const result = last.then(() => openTrack(file, part, work));
  last = result.catch(() => undefined);
  return result;
}

async function openTrack<Result>(
  file: string,
  part: FilePart | undefined,
  work: (track: InputVideoTrack, sink: EncodedPacketSink) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const { CustomSource, EncodedPacketSink, Input, Logging, LogLevel, MATROSKA, MP4, QTFF, WEBM } =
    await import("mediabunny"); // large, and only needed for long files
  const opened = await open(file, "r");
  let input: Input | undefined;
  let warned = false;
  const forget = [Logging.on("warn", () => (warned = true)), Logging.on("error", () => (warned = true))];
  const level = Logging.level;
  Logging.level = LogLevel.Silent; // what it warns about is a reason to decode from the start, not to print
  try {
    const { offset, bytes } = part ?? { offset: 0, bytes: (await opened.stat()).size };
    const source = new CustomSource({
      getSize: () => bytes,
      read: async (start, end) => {
        const buffer = new Uint8Array(end - start);
        const { bytesRead } = await opened.read(buffer, 0, buffer.length, offset + start);
        if (bytesRead < buffer.length) throw new RangeError(`${file} became shorter while it was read`);
        return buffer;
      },
      prefetchProfile: "fileSystem",
    });
    input = new Input({ source, formats: [MP4, QTFF, MATROSKA, WEBM] });
    const [track, ...others] = await input.getVideoTracks();
    if (track === undefined || others.length > 0) return undefined;
    const result = await work(track, new EncodedPacketSink(track));
    return warned ? undefined : result;
  } catch {
    return undefined; // ffmpeg, which decodes the file from its start then, says what is wrong with it
  } finally {
    Logging.level = level;
    for (const off of forget) off();
    input?.dispose();
    await opened.close();
  }
}
