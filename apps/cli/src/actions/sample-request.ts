// The options of `noisereel sample`, checked before any weights are loaded.
import { ConfigError } from "@noisereel/core";
import { checkVideoShape } from "@noisereel/data";
import type { SampleOptions } from "@noisereel/recipes";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { checkKnownOptions } from "./known-frames.js";
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
  /** A picture that the clip begins with. */
  readonly fromImage?: string;
  /** A video whose last frames the clip begins with. */
  readonly continue?: string;
  readonly windows?: number;
  readonly overlap?: number;
  /** Steps between two looks at the estimate; true is every one. */
  readonly preview?: number | true;
  readonly run?: string;
  readonly out: string;
}

/** What stays the same for all clips of the command, but for what they begin with. */
export type SampleRequest = Omit<SampleOptions, "prompt" | "seed" | "signal" | "onStep" | "known">;

/**
 * Refuses a shape that the run's models cannot make, and given frames that they do not read. Their configuration is read, not
 * their weights; a folder without one is left to `openRun`, which says what is missing.
 */
export async function checkAgainstRun(
  request: SampleRequest,
  options: Pick<SampleArguments, "fromImage" | "continue">,
  run: string,
): Promise<void> {
  const { frames, height, width, windows = 1 } = request;
  const text = await readFile(path.join(run, "models", "denoiser", "config.json"), "utf8").catch(() => undefined);
  if (text === undefined) return;
  const model = JSON.parse(text) as { readonly patch_size?: number; readonly control_channels?: number };
  const { patch_size: patch = 1, control_channels: controlChannels = 0 } = model;
  const stride = { time: 4, height: 8, width: 8 };
  // A number that is not given is the run's own, which is legal.
  const size = stride.height * patch;
  checkVideoShape({ frames: frames ?? 1, height: height ?? size, width: width ?? size }, { stride, patch });
  const { fromImage, continue: video } = options;
  const asked = fromImage !== undefined ? "--from-image" : video !== undefined ? "--continue" : "--windows";
  if (controlChannels === 0 && (windows > 1 || asked !== "--windows")) {
    throw new ConfigError(
      `${asked} needs a denoiser that goes on from given frames and the one in ${run} does not; train one with ` +
        `"npx tsx -C @noisereel/source recipes/programs/image-to-video.ts" and use it with --run runs/image-to-video/model`,
    );
  }
}

/** The arguments with a record's settings where none is given: flags beside `--from` win. */
export function withRecord(options: SampleArguments, recording: RecordedSample): SampleArguments {
  const { record, run, fps, known, windows, overlap } = recording;
  const { seed, steps, guidanceScale, negativePrompt, sampler, frames, height, width } = record;
  const recorded = { seed, steps, guidance: guidanceScale, negative: negativePrompt, sampler: sampler.type };
  const size = { frames: options.image === true ? 1 : frames, height, width };
  const begins = options.fromImage === undefined && options.continue === undefined ? known : undefined;
  const rest = {
    ...(fps === undefined ? {} : { fps }),
    ...(windows === undefined ? {} : { windows }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(begins === undefined ? {} : { [begins.option]: begins.file }),
  };
  return { run, ...rest, ...recorded, ...size, ...options };
}

/** Refuses a sampler that there is none of. */
export async function checkSampler(name: string | undefined): Promise<void> {
  if (name === undefined) return;
  const { samplers } = await import("@noisereel/diffusion");
  const names = [...Object.keys(samplers), "flowEuler"]; // which of them a run was trained for, it says itself
  if (names.includes(name)) return;
  throw new ConfigError(`--sampler is "${name}"; use one of ${names.join(", ")}`);
}

export function checkSampleRequest(options: SampleArguments): SampleRequest {
  const { steps, guidance, negative, sampler, height, width, windows, overlap } = options;
  checkKnownOptions(options);
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
    ...(windows === undefined ? {} : { windows }),
    ...(overlap === undefined ? {} : { overlap }),
  };
}
