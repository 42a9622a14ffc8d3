// The options of `noisereel sample`, checked before any weights are loaded.
import { ConfigError } from "@noisereel/core";
import { checkVideoShape } from "@noisereel/data";
import type { SampleOptions } from "@noisereel/recipes";
import { readFile } from "node:fs/promises";
import path from "node:path";

export interface SampleArguments {
  readonly prompts?: string;
  readonly seed: number;
  readonly n: number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly negative?: string;
  readonly sampler?: string;
  readonly frames?: number;
  readonly height?: number;
  readonly width?: number;
  readonly image?: true;
  readonly run?: string;
  readonly out: string;
}

/** What stays the same for all clips of the command. */
export type SampleRequest = Omit<SampleOptions, "prompt" | "seed" | "signal" | "onStep">;

/**
 * Refuses a shape that the run's models cannot make. Their configuration is read, not their weights; a folder without
 * one is left to `openRun`, which says what is missing.
 */
export async function checkShape(request: SampleRequest, run: string): Promise<void> {
  const { frames, height, width } = request;
  const text = await readFile(path.join(run, "models", "denoiser", "config.json"), "utf8").catch(() => undefined);
  if (text === undefined) return;
  const { patch_size: patch = 1 } = JSON.parse(text) as { readonly patch_size?: number };
  const stride = { time: 4, height: 8, width: 8 };
  // A number that is not given is the run's own, which is legal.
  const size = stride.height * patch;
  checkVideoShape({ frames: frames ?? 1, height: height ?? size, width: width ?? size }, { stride, patch });
}

export function checkSampleRequest(options: SampleArguments): SampleRequest {
  const { steps, guidance, negative, sampler, height, width } = options;
  const image = options.image === true;
  if (image && options.frames !== undefined && options.frames !== 1) {
    throw new ConfigError(`--image makes one frame but --frames is ${options.frames}; leave one of them out`);
  }
  if (options.seed + options.n - 1 > Number.MAX_SAFE_INTEGER) {
    throw new ConfigError(`--seed ${options.seed} with --n ${options.n} leaves the range of seeds; use a smaller seed`);
  }
  const frames = image ? 1 : options.frames;
  return {
    ...(steps === undefined ? {} : { steps }),
    ...(guidance === undefined ? {} : { guidanceScale: guidance }),
    ...(negative === undefined ? {} : { negativePrompt: negative }),
    ...(sampler === undefined ? {} : { sampler }),
    ...(frames === undefined ? {} : { frames }),
    ...(height === undefined ? {} : { height }),
    ...(width === undefined ? {} : { width }),
  };
}
