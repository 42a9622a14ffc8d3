// How much a pass through the networks needs.
import type { CausalVaeConfig } from "./config.js";

/** Frames, height and width in pixels. */
export interface ClipSize {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/**
 * What a pass holds at its fullest, in tensors of the largest size: a block's input and what its skip keeps, padded and
 * normalised copies, a convolution's patches. Measured with compiled networks as 7 to 9 (`bench/memory.ts`).
 */
const tensorsAlive = 9;

/**
 * What a piece of a streamed clip takes beside its own frames, as frames: those before it, the network of the first frame,
 * and the past of every layer, given and taken by the executor (`bench/memory.ts`).
 */
export const framesBesidePiece = 12;

/** Estimated bytes of float32 activations for one clip: `tensorsAlive` times the largest tensor of each network. */
export function workingBytes(
  config: CausalVaeConfig,
  size: ClipSize,
): { readonly encode: number; readonly decode: number } {
  const bytes = (elements: number): number => elements * 4 * tensorsAlive;
  const halve = (frames: number): number => Math.floor((frames - 1) / 2) + 1;
  const sizes = [{ ...size }];
  for (const level of config.hidden_size_mult.keys()) {
    const { frames, height, width } = sizes.at(-1)!;
    const scale = config.encoder_spatial_downsample[level] === "" ? 1 : 2;
    const time = config.encoder_temporal_downsample[level] === "" ? frames : halve(frames);
    sizes.push({ frames: time, height: Math.floor(height / scale), width: Math.floor(width / scale) });
  }
  const elements = ({ frames, height, width }: ClipSize, channels: number): number =>
    frames * height * width * channels;
  const widths = config.hidden_size_mult.map((factor) => factor * config.hidden_size);
  const encode = Math.max(...widths.map((channels, level) => elements(sizes[level]!, channels)));
  const decode = Math.max(encode, decoderLargest(config, size, widths));
  return { encode: bytes(encode), decode: bytes(decode) };
}

/** A decoder level resamples its own channels, so its largest tensor has the next level's size. */
function decoderLargest(config: CausalVaeConfig, size: ClipSize, widths: readonly number[]): number {
  let current: ClipSize = size;
  let largest = size.frames * size.height * size.width * widths[0]!;
  for (let level = 1; level < widths.length; level++) {
    largest = Math.max(largest, current.frames * current.height * current.width * widths[level]!);
    const scale = config.decoder_spatial_upsample[level] === "" ? 1 : 2;
    const time = config.decoder_temporal_upsample[level] === "" ? 1 : 2;
    current = {
      frames: (current.frames - 1) / time + 1,
      height: current.height / scale,
      width: current.width / scale,
    };
  }
  return largest;
}
