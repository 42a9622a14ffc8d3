// The .json beside a sampled clip: written so that `--from` makes the clip again.
import { ConfigError } from "@noisereel/core";
import type { GenerationRecord, SamplerSpec } from "@noisereel/diffusion";
import type { SampledClip } from "@noisereel/recipes";
import { readFile } from "node:fs/promises";
import path from "node:path";

// The package loads tfjs, which has to be put into production mode before.
const diffusion = () => import("@noisereel/diffusion");

/** What a command takes from a record. */
export interface RecordedSample {
  readonly record: GenerationRecord;
  /** Folder of the run. */
  readonly run: string;
  /** Of the file that was written, where it was not the run's. */
  readonly fps: number | undefined;
}

export async function recordOf(options: {
  readonly clip: { readonly fps: number };
  readonly settings: SampledClip["settings"];
  readonly run: string;
  readonly seconds: number;
}): Promise<Readonly<Record<string, unknown>>> {
  const { clip, settings, run, seconds } = options;
  const { sampler, model, ...rest } = settings;
  const { generationRecord } = await diffusion();
  const record = generationRecord({
    ...rest,
    sampler: { type: sampler as SamplerSpec["type"] },
    models: { denoiser: model },
  });
  return { ...record, run, fps: clip.fps, seconds: Number(seconds.toFixed(2)) };
}

/** Reads what `recordOf` wrote. */
export async function readRecord(file: string): Promise<RecordedSample> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "does not exist" : `cannot be read (${cause.code ?? cause.message})`;
    throw new ConfigError(`${file} ${why}; name the .json that lies beside a sampled clip`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${file} is not JSON; name the .json that lies beside a sampled clip`, { cause });
  }
  const { parseGenerationRecord } = await diffusion();
  const record = parseGenerationRecord(value);
  const { run, fps } = value as { readonly run?: unknown; readonly fps?: unknown };
  if (typeof run !== "string") {
    throw new ConfigError(`${path.basename(file)} names no run; it was not written by noisereel sample`);
  }
  return { record, run, fps: typeof fps === "number" ? fps : undefined };
}
