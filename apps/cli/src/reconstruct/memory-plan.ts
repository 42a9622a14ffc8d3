// From a memory limit to the size of tiles.
import type { LongVideoAutoencoder } from "@noisereel/causal-vae";
import { ConfigError } from "@noisereel/core";
import { formatBytes, mebibyte } from "./bytes.js";

/** Node, tfjs, ONNX Runtime and a few frames of video, without any network. */
const processBytes = 400 * mebibyte;

/**
 * Of what is estimated for a pass, so that a limit holds: estimates were up to a tenth below what
 * `packages/causal-vae/bench/memory.ts` measured.
 */
const margin = 1.15;

/** Sides that tiles may have, in pixels. */
const tileSizes = [1024, 768, 512, 384, 256, 192, 128, 96, 64] as const;

export interface MemoryPlan {
  /** Largest side of a tile in pixels. */
  readonly tileSize: number;
  /** Estimated peak of the process in bytes. */
  readonly bytes: number;
}

/**
 * The largest tiles that fit. `frame`: the padded frame in pixels; `weightBytes`: the model's weights in float32.
 * Throws `ConfigError` when even the smallest tiles do not fit.
 */
export function planMemory(options: {
  readonly frame: { readonly height: number; readonly width: number };
  readonly weightBytes: number;
  readonly limit: number;
  readonly coder: (tileSize: number) => Pick<LongVideoAutoencoder, "workingBytes">;
}): MemoryPlan {
  const { frame, weightBytes, limit, coder } = options;
  let smallest = 0;
  for (const tileSize of tileSizes) {
    const { encode, decode } = coder(tileSize).workingBytes(frame);
    // The weights lie in variables and in the sessions of the first and of the further pieces.
    const bytes = processBytes + 3 * weightBytes + margin * Math.max(encode, decode);
    if (bytes <= limit) return { tileSize, bytes };
    smallest = bytes;
  }
  throw new ConfigError(
    `--memory-limit ${formatBytes(limit)} is too little: tiles of ${tileSizes.at(-1)} pixels need about ${formatBytes(smallest)}; raise it`,
  );
}
