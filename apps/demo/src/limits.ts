// What a run can be asked for: the page offers only this, and the server takes nothing else.
import { ConfigError } from "@noisereel/core";
import type { TrainedRun } from "@noisereel/recipes";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { Limits } from "./protocol.js";

/** Pixels per latent of the causal autoencoder. */
const stride = { time: 4, size: 8 };

/** Latents per patch, from the denoiser's configuration. */
export async function readPatchSize(runFolder: string): Promise<number> {
  const file = path.join(runFolder, "models", "denoiser", "config.json");
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new ConfigError(`${file} cannot be read; the run in ${runFolder} is not complete`, { cause });
  });
  return (JSON.parse(text) as { readonly patch_size?: number }).patch_size ?? 1;
}

/** Up to twice what the run was trained for in each direction: beyond that pictures fall apart. */
export function limitsOf(run: Pick<TrainedRun, "defaults" | "samplers">, patch: number): Limits {
  const { frames, height, width } = run.defaults;
  const multiple = stride.size * patch;
  const largest = 2 * Math.max(height, width);
  return {
    frames: Array.from({ length: Math.floor((2 * (frames - 1)) / stride.time) + 1 }, (_, k) => stride.time * k + 1),
    sizes: Array.from({ length: Math.floor(largest / multiple) }, (_, k) => multiple * (k + 1)),
    samplers: run.samplers,
    steps: { minimum: 1, maximum: 200 },
    guidanceScale: { minimum: 1, maximum: 20 },
    seed: { minimum: 0, maximum: 2 ** 32 - 1 },
    promptLength: 1000,
  };
}
