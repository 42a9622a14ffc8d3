// The video track of a file: containers are read by mediabunny, codecs are the browser's.
import { ClipError, NoisereelError } from "@noisereel/core";
import {
  Input,
  type InputVideoTrack,
  MATROSKA,
  MP4,
  MPEG_TS,
  QTFF,
  type Rotation,
  UnsupportedInputFormatError,
  WEBM,
} from "mediabunny";
import type { FoundFile } from "./file.js";
import { statedSize } from "./kind.js";
import type { PlaneColours } from "./pixels.js";
import { checkSampleCounts } from "./sample-counts.js";

export interface OpenVideo {
  /** What messages call the file. */
  readonly name: string;
  /** Bytes of the file, where that is known. */
  readonly size: number | undefined;
  readonly track: InputVideoTrack;
  /** ffmpeg's name of the codec, for example `h264`. */
  readonly codec: string;
  /** Degrees clockwise, then whether mirrored, that make frames upright. */
  readonly rotation: Rotation;
  readonly flip: boolean;
  readonly colours: PlaneColours;
  /** Ends every read and closes decoders. */
  dispose(): void;
}

const readable = "mp4, mov, webm, mkv, ts, gif and webp";

/** Opens the first video track of `file` and makes sure that this browser decodes it. The caller disposes the result. */
export async function openVideo(file: FoundFile, signal?: AbortSignal): Promise<OpenVideo> {
  const { name } = file;
  signal?.throwIfAborted();
  if (file.kind === "avi") {
    throw new ClipError(
      `${name} is an AVI file, which is not read in browsers; convert it to mp4 or webm, or read it in Node (readable here: ${readable})`,
      { path: name },
    );
  }
  requireWhole(file);
  await checkSampleCounts(file);
  const input = new Input({ formats: [MP4, QTFF, WEBM, MATROSKA, MPEG_TS], source: file.source() });
  const dispose = (): void => input.dispose();
  signal?.addEventListener("abort", dispose);
  try {
    const [track] = await input.getVideoTracks();
    if (track === undefined)
      throw new ClipError(`${name} holds no video; give a file with a video track`, { path: name });
    await requireDecoder(name, track);
    const { matrix, fullRange } = (await track.getDecoderConfig())?.colorSpace ?? {};
    return {
      name,
      size: file.size,
      track,
      codec: codecName(await track.getCodec()),
      rotation: await track.getRotation(),
      flip: await track.getFlip(),
      colours: { matrix, fullRange },
      dispose() {
        signal?.removeEventListener("abort", dispose);
        dispose();
      },
    };
  } catch (cause) {
    signal?.removeEventListener("abort", dispose);
    dispose();
    throw readError(name, cause, signal);
  }
}

/** A file that is shorter than it says was cut; a webm would otherwise seem to end there. */
function requireWhole({ name, head, size }: FoundFile): void {
  const stated = statedSize(head);
  if (stated === undefined || size === undefined || size >= stated) return;
  throw new ClipError(`${name} is cut short: it has ${size} bytes but states ${stated}; get it again`, { path: name });
}

async function requireDecoder(name: string, track: InputVideoTrack): Promise<void> {
  if (typeof VideoDecoder === "undefined") {
    throw new ClipError(
      `cannot read ${name}: this browser offers no VideoDecoder; open the page over https or from localhost, or use a newer browser`,
      { path: name },
    );
  }
  if (await track.canDecode()) return;
  const codec = await track.getCodec();
  const id = await track.getInternalCodecId();
  const unknown = typeof id === "string" ? `as ${id}` : "in an unknown codec";
  const what = codec === null ? unknown : `as ${codecName(codec)} (${await track.getCodecParameterString()})`;
  throw new ClipError(
    `${name} holds video coded ${what}, which this browser does not decode; convert it to H.264, VP9 or AV1, or read it in Node`,
    { path: name },
  );
}

export const codecName = (codec: string | null): string => (codec === "avc" ? "h264" : (codec ?? "unknown"));

/** What went wrong while reading, as one of our errors; an abort keeps the signal's reason. */
export function readError(name: string, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (NoisereelError.isInstance(cause)) return cause;
  if (cause instanceof UnsupportedInputFormatError) {
    return new ClipError(
      `cannot read ${name}: its first bytes are those of no format that is read here (${readable}); the file is damaged, no video, or to be converted`,
      { path: name, cause },
    );
  }
  const reason = (cause instanceof Error ? cause.message : String(cause)).split("\n")[0]!.replace(/\.$/, "");
  return new ClipError(`cannot read ${name}: ${reason}; the file is damaged, cut short or no video`, {
    path: name,
    cause,
  });
}
