// A video through an autoencoder and back, with memory for a tile of a few frames.
import {
  CausalVae,
  chunked,
  compiled,
  FrameFile,
  longVideo,
  type PieceAutoencoder,
  streamed,
} from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import { sizeOf } from "@noisereel/core";
import { toUint8 } from "@noisereel/data";
import { framePsnr, frameSsim } from "@noisereel/metrics";
import { type MemoryPlan, planMemory } from "./memory-plan.js";
import { type PaddedFrames, readPadded } from "./padded-frames.js";

export interface FrameScores {
  /** In dB. */
  readonly psnr: number;
  /** Null for frames smaller than SSIM's window of 11 pixels. */
  readonly ssim: number | null;
}

export interface LongReconstruction {
  readonly original: PaddedFrames;
  /** Bytes of the reconstructed frames, of the original's length and size. */
  readonly frames: FrameFile;
  readonly scores: readonly FrameScores[];
  readonly plan: MemoryPlan;
  /** True when time was cut without loss. */
  readonly causal: boolean;
  /** Removes both temporary files. */
  close(): Promise<void>;
}

export interface ReconstructEvents {
  readonly signal?: AbortSignal | undefined;
  /** `done` of `count` units of one phase; `count` is undefined while it is not known. */
  readonly onProgress?: (phase: "read" | "encode" | "decode", done: number, count: number | undefined) => void;
}

/** `vae`: a model folder or a file of weights. `limit`: bytes that the process may take. */
export async function reconstructVideo(
  input: string,
  options: ReconstructEvents & {
    readonly vae: string;
    readonly limit: number;
    readonly maxFrames?: number | undefined;
  },
): Promise<LongReconstruction> {
  const { signal, onProgress } = options;
  const vae = await CausalVae.fromPretrained(options.vae);
  let current = openCoder(vae);
  let original: PaddedFrames | undefined;
  let frames: FrameFile | undefined;
  const close = async (): Promise<void> => {
    await original?.close();
    await frames?.close();
  };
  try {
    original = await readPadded(input, {
      stride: vae.stride,
      maxFrames: options.maxFrames,
      signal,
      onFrame: (count) => onProgress?.("read", count, undefined),
    });
    const weightBytes = 4 * [...vae.namedParameters()].reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
    const plan = planMemory({
      frame: original.reader,
      weightBytes,
      limit: options.limit,
      coder: (tileSize) => longVideo(current.coder, { tileSize }),
    });
    const { tileSize } = plan;
    const report = (phase: "encode" | "decode") => ({
      signal,
      onProgress: (event: { readonly type: string; readonly index?: number; readonly count?: number }) => {
        if (event.type === "tile") onProgress?.(phase, event.index!, event.count);
      },
    });
    const means = await longVideo(current.coder, { tileSize }).means(original.reader, report("encode"));
    // The encoder's memory goes before the decoder's comes.
    current.dispose();
    current = openCoder(vae);
    const { height, width } = original;
    frames = await FrameFile.create({ height, width, type: "uint8" });
    const scores: FrameScores[] = [];
    try {
      for await (const piece of longVideo(current.coder, { tileSize }).frames(means, report("decode"))) {
        const values = await piece.data<"float32">();
        const [, count, rows, columns] = piece.shape;
        piece.dispose();
        for (let index = 0; index < count && scores.length < original.frames; index++) {
          const decoded = croppedBytes(values.subarray(index * rows * columns * 3), columns, original);
          await frames.write(scores.length, decoded);
          scores.push(score(decoded, await original.read(scores.length), original));
        }
      }
    } finally {
      means.dispose();
    }
    return { original, frames, scores, plan, causal: vae.causal, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    current.dispose();
    vae.dispose();
  }
}

/** The networks of `vae`, compiled when they first run: a causal model in pieces without loss, others in chunks. */
function openCoder(vae: CausalVae): { readonly coder: PieceAutoencoder; dispose(): void } {
  const executor = onnxExecutor();
  if (vae.causal) {
    const coder = streamed(vae, { executor, pieceFrames: vae.stride.time });
    return { coder, dispose: () => coder.dispose() };
  }
  const whole = compiled(vae, executor);
  return { coder: chunked(whole, { chunkFrames: 2 * vae.stride.time + 1 }), dispose: () => whole.dispose() };
}

/** The corner of a decoded frame that is the video's, as bytes. */
function croppedBytes(values: Float32Array, columns: number, size: { height: number; width: number }): Uint8Array {
  const result = new Uint8Array(size.height * size.width * 3);
  for (let y = 0, to = 0; y < size.height; y++) {
    for (let from = y * columns * 3; from < (y * columns + size.width) * 3; from++)
      result[to++] = toUint8(values[from]!);
  }
  return result;
}

function score(decoded: Uint8Array, original: Uint8Array, size: { height: number; width: number }): FrameScores {
  const unit = (bytes: Uint8Array): Float64Array => Float64Array.from(bytes, (byte) => byte / 255);
  const [a, b] = [unit(decoded), unit(original)];
  const { height, width } = size;
  return {
    psnr: framePsnr(a, b),
    ssim: Math.min(height, width) < 11 ? null : frameSsim(a, b, { height, width, channels: 3 }),
  };
}
