// Bytes of clips to numbers of models and back. Tensors are [B, T, H, W, 3] in [-1, 1].
import { type Clip, ConfigError, ShapeError, type VideoTensor } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { createClip } from "./clip.js";

/** `nearest` rounds; `truncate` is what the reference's text-to-video pipeline does, on average one step darker. */
export type ByteRounding = "nearest" | "truncate";

/** A model's number in [-1, 1] as a byte. Values outside are clamped; NaN gives 0. */
export function toUint8(value: number, rounding: ByteRounding = "nearest"): number {
  const scaled = (value / 2 + 0.5) * 255 + (rounding === "nearest" ? 0.5 : 0);
  return scaled >= 255 ? 255 : scaled > 0 ? Math.trunc(scaled) : 0;
}

/** The number in [-1, 1] that stands for a byte. */
export function fromUint8(byte: number): number {
  return byte / 127.5 - 1;
}

/** Clips of one shape as a batch `[B, T, H, W, 3]` in [-1, 1]. The caller owns the tensor. */
export function clipToTensor(clips: Clip | readonly Clip[]): VideoTensor {
  const list: readonly Clip[] = "pixels" in clips ? [clips] : clips;
  const first = list[0];
  if (first === undefined) throw new ShapeError("clips is empty; give at least one clip");
  const { frames, height, width } = first;
  const values = new Float32Array(list.length * first.pixels.length);
  list.forEach((clip, index) => {
    if (clip.frames !== frames || clip.height !== height || clip.width !== width) {
      throw new ShapeError(
        `clip ${clip.id} is ${describe(clip)} but clip ${first.id} is ${describe(first)}; clips of a batch need one shape`,
      );
    }
    fillNumbers(values, index * clip.pixels.length, clip.pixels);
  });
  return tf.tensor5d(values, [list.length, frames, height, width, 3]);
}

function fillNumbers(values: Float32Array, offset: number, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) values[offset + i] = table[bytes[i]!]!;
}

const table = Float32Array.from({ length: 256 }, (_, byte) => fromUint8(byte));
const describe = ({ frames, height, width }: Clip): string => `${frames} frames of ${width}x${height}`;

export interface TensorToClipOptions {
  /** Frames a second of the clip. */
  readonly fps: number;
  /** Default `sample`; clips of a batch get `-0`, `-1`, … appended. */
  readonly id?: string | undefined;
  readonly caption?: string | undefined;
  /** Default `nearest`. */
  readonly rounding?: ByteRounding | undefined;
}

/** Pixels `[T, H, W, 3]` or `[1, T, H, W, 3]` in [-1, 1] as a clip. The tensor stays the caller's. */
export async function tensorToClip(video: tf.Tensor4D | VideoTensor, options: TensorToClipOptions): Promise<Clip> {
  if (video.rank === 5 && video.shape[0] !== 1) {
    throw new ShapeError(`video is a batch of ${video.shape[0]}; use tensorToClips, or slice one out`);
  }
  const [clip] = await convert(video, options, () => options.id ?? "sample");
  return clip!;
}

/** Pixels `[B, T, H, W, 3]` in [-1, 1] as B clips. The tensor stays the caller's. */
export async function tensorToClips(video: VideoTensor, options: TensorToClipOptions): Promise<Clip[]> {
  return convert(video, options, (index) => `${options.id ?? "sample"}-${index}`);
}

async function convert(
  video: tf.Tensor4D | VideoTensor,
  options: TensorToClipOptions,
  idOf: (index: number) => string,
): Promise<Clip[]> {
  const [height, width, channels] = video.shape.slice(-3) as [number, number, number];
  if (video.rank < 4 || channels !== 3) {
    throw new ShapeError(`video has shape [${video.shape.join(", ")}]; it must be [T, H, W, 3] or [B, T, H, W, 3]`);
  }
  const { rounding = "nearest" } = options;
  if (rounding !== "nearest" && rounding !== "truncate") {
    throw new ConfigError(`rounding is ${String(rounding)}; use "nearest" or "truncate"`);
  }
  const values = await video.data();
  const pixels = Uint8Array.from(values, (value) => toUint8(value, rounding));
  const count = video.rank === 5 ? video.shape[0] : 1;
  const size = pixels.length / count;
  return Array.from({ length: count }, (_, index) => {
    const part = pixels.subarray(index * size, (index + 1) * size);
    return createClip(part, { id: idOf(index), caption: options.caption, height, width, fps: options.fps });
  });
}
