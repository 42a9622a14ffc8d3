// The options of `noisereel sample`, checked before any weights are loaded.
import { ConfigError } from "@noisereel/core";
import { checkVideoShape } from "@noisereel/data";
import type { SampleOptions } from "@noisereel/recipes";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { RecordedSample } from "./sample-record.js";

export interface SampleArguments {
  readonly prompts?: string;
  readonly from?: string;
  /** Default 0. */
  readonly seed?: number;
  readonly n: number;
  readonly steps?: number;
  readonly guidance?: number;
  readonly negative?: string;
  readonly sampler?: string;
  readonly frames?: number;
  readonly height?: number;
  readonly width?: number;
  readonly fps?: number;
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

/** The arguments with a record's settings where none is given: flags beside `--from` win. */
export function withRecord(options: SampleArguments, { record, run, fps }: RecordedSample): SampleArguments {
  const { seed, steps, guidanceScale, negativePrompt, sampler, frames, height, width } = record;
  const recorded = { seed, steps, guidance: guidanceScale, negative: negativePrompt, sampler: sampler.type };
  const size = { frames: options.image === true ? 1 : frames, height, width };
  return { run, ...(fps === undefined ? {} : { fps }), ...recorded, ...size, ...options };
}

/** Refuses a sampler that there is none of. */
export async function checkSampler(name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const { samplers } = await import("@noisereel/diffusion");
  if (Object.hasOwn(samplers, name)) return;
  throw new ConfigError(`--sampler is "${name}"; use one of ${Object.keys(samplers).join(", ")}`);
}

export function checkSampleRequest(options: SampleArguments): SampleRequest {
  const { steps, guidance, negative, sampler, height, width } = options;
  const image = options.image === true;
  if (image && options.frames !== undefined && options.frames !== 1) {
    throw new ConfigError(`--image makes one frame but --frames is ${options.frames}; leave one of them out`);
  }
  const { seed = 0 } = options;
  if (seed + options.n - 1 > Number.MAX_SAFE_INTEGER) {
    throw new ConfigError(`--seed ${seed} with --n ${options.n} leaves the range of seeds; use a smaller seed`);
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
