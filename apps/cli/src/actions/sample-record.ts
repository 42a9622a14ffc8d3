// The .json beside a sampled clip: written so that `--from` makes the clip again.
import { ConfigError } from "@noisereel/core";
import type { GenerationRecord, SamplerSpec } from "@noisereel/diffusion";
import type { SampledClip } from "@noisereel/recipes";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { KnownFrames } from "./known-frames.js";

// The package loads tfjs, which has to be put into production mode before.
const diffusion = () => import("@noisereel/diffusion");

/** What a command takes from a record. */
export interface RecordedSample {
  readonly record: GenerationRecord;
  /** Folder of the run. */
  readonly run: string;
  /** Of the file that was written, where it was not the run's. */
  readonly fps: number | undefined;
  /** What the clip began with. */
  readonly known: Omit<KnownFrames, "clip"> | undefined;
  readonly windows: number | undefined;
  readonly overlap: number | undefined;
}

export async function recordOf(options: {
  readonly clip: { readonly fps: number };
  readonly settings: SampledClip["settings"];
  readonly run: string;
  readonly seconds: number;
  readonly known?: KnownFrames | undefined;
}): Promise<Readonly<Record<string, unknown>>> {
  const { clip, settings, run, seconds, known } = options;
  const { sampler, model, windows, overlap, ...rest } = settings;
  const { generationRecord } = await diffusion();
  const record = generationRecord({
    ...rest,
    sampler: { type: sampler as SamplerSpec["type"] },
    models: { denoiser: model },
  });
  return {
    ...record,
    run,
    fps: clip.fps,
    ...(windows === undefined ? {} : { windows, overlap }),
    ...(known === undefined ? {} : { known: { option: known.option, file: known.file, sha256: known.sha256 } }),
    seconds: Number(seconds.toFixed(2)),
  };
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
  const { run, fps, windows, overlap, known } = value as Readonly<Record<string, unknown>>;
  if (typeof run !== "string") {
    throw new ConfigError(`${path.basename(file)} names no run; it was not written by noisereel sample`);
  }
  const numberIn = (name: string, found: unknown): number | undefined => {
    if (found === undefined || (typeof found === "number" && found > 0)) return found;
    throw new ConfigError(`${file} has ${name} ${JSON.stringify(found)}; use the .json as noisereel sample wrote it`);
  };
  return {
    record,
    run,
    fps: numberIn("fps", fps),
    windows: numberIn("windows", windows),
    overlap: numberIn("overlap", overlap),
    known: knownIn(file, known),
  };
}

function knownIn(file: string, value: unknown): RecordedSample["known"] {
  if (value === undefined) return undefined;
  const { option, file: from, sha256 } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const named = option === "fromImage" || option === "continue";
  if (named && typeof from === "string" && typeof sha256 === "string") return { option, file: from, sha256 };
  throw new ConfigError(
    `${file} says with what its clip begins in no known way; use the .json as noisereel sample wrote it`,
  );
}
