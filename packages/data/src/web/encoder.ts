// Which of the browser's encoders is used, and how hard it compresses.
import { ConfigError, ShapeError } from "@noisereel/core";
import { canEncodeVideo, Quality, type VideoCodec } from "mediabunny";

export type VideoContainer = "mp4" | "webm";

export interface EncoderOptions {
  /** Default: `h264` in mp4, `vp9` in webm. mp4 holds h264, vp9 and av1; webm holds vp9, vp8 and av1. */
  readonly codec?: "h264" | "vp9" | "vp8" | "av1" | undefined;
  /**
   * Bits a second, on average; encoders take fewer where pictures are easy. Default: 20 million for 1920x1080 at 30 frames a
   * second, less for fewer pixels by the power 0.75 (1.3 million for 256x256 at 25), at least 200,000.
   */
  readonly bitrate?: number | undefined;
  /** Constant quality instead of a bitrate, for vp9 and av1: 0 (best) to 63. */
  readonly quantizer?: number | undefined;
}

export interface ChosenEncoder {
  readonly codec: VideoCodec;
  readonly quality: Quality;
  /** What RGB is turned into: BT.709, as in Node; VP8 knows BT.601 alone. */
  readonly matrix: "bt709" | "smpte170m";
}

const codecs = {
  mp4: ["h264", "vp9", "av1"],
  webm: ["vp9", "vp8", "av1"],
} as const satisfies Record<VideoContainer, readonly NonNullable<EncoderOptions["codec"]>[]>;

/** The encoder for frames of this size. Throws a `ConfigError` or `ShapeError` when this browser has none. */
export async function encoderFor(
  frames: { readonly height: number; readonly width: number; readonly fps: number },
  options: EncoderOptions & { readonly container: VideoContainer },
): Promise<ChosenEncoder> {
  const { height, width, fps } = frames;
  const { container, quantizer } = options;
  const allowed: readonly string[] = codecs[container];
  const { codec = codecs[container][0] } = options;
  if (!allowed.includes(codec)) {
    throw new ConfigError(`codec is ${codec}; ${container} holds ${allowed.join(", ")}`);
  }
  if (codec === "h264" && (height % 2 === 1 || width % 2 === 1)) {
    const even = `${width + (width % 2)}x${height + (height % 2)}`;
    throw new ShapeError(
      `frames are ${width}x${height}, but h264 needs an even height and width; crop or pad to ${even}, or write .webm`,
    );
  }
  const quality = new Quality(
    quantizer === undefined
      ? { bitrate: bitrateOf(frames, { ...options, codec }) }
      : { quantizer: checkedQuantizer(codec, options) },
  );
  const chosen = { codec: codec === "h264" ? ("avc" as const) : codec, quality };
  if (typeof VideoEncoder === "undefined") {
    throw new ConfigError(
      "this browser offers no VideoEncoder; open the page over https or from localhost, or use a newer browser",
    );
  }
  if (!(await canEncodeVideo(chosen.codec, { height, width, frameRate: fps, quality }))) {
    const others = allowed.filter((other) => other !== codec).join(" or ");
    throw new ConfigError(
      `codec is ${codec}, which this browser does not encode at ${width}x${height} and ${fps} frames a second; choose ${others} with the option codec, or another size`,
    );
  }
  return { ...chosen, matrix: codec === "vp8" ? "smpte170m" : "bt709" };
}

function bitrateOf(
  { height, width, fps }: { readonly height: number; readonly width: number; readonly fps: number },
  { bitrate = usualBitrate(height * width * fps), codec }: EncoderOptions,
): number {
  if (!Number.isInteger(bitrate) || bitrate < 1) {
    throw new ConfigError(`bitrate is ${bitrate}; use a positive integer, bits a second`);
  }
  const blocks = Math.ceil(height / 16) * Math.ceil(width / 16);
  // H.264, table A-1: what is more than level 1 and no more than 1b.
  if (codec === "h264" && blocks <= 99 && blocks * fps <= 1485 && bitrate > 64_000 && bitrate <= 160_000) {
    throw new ConfigError(
      `bitrate is ${bitrate}, for which h264 of ${width}x${height} becomes level 1b, which Chromium writes but does not read; use more than 160000, or another codec`,
    );
  }
  return bitrate;
}

const usualBitrate = (pixelsPerSecond: number): number =>
  Math.max(200_000, Math.round(20e6 * (pixelsPerSecond / (1920 * 1080 * 30)) ** 0.75));

function checkedQuantizer(codec: string, { quantizer, bitrate }: EncoderOptions): number {
  if (bitrate !== undefined) {
    throw new ConfigError(`bitrate (${bitrate}) and quantizer (${quantizer}) exclude each other; give one`);
  }
  if (codec !== "vp9" && codec !== "av1") {
    throw new ConfigError(
      `quantizer is ${quantizer}, but ${codec} is encoded at a bitrate; give bitrate, or use vp9 or av1`,
    );
  }
  if (!Number.isInteger(quantizer) || quantizer! < 0 || quantizer! > 63) {
    throw new ConfigError(`quantizer is ${quantizer}; use an integer from 0 to 63`);
  }
  return quantizer!;
}
