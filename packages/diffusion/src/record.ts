// Everything that makes a result again, as JSON to keep beside it.
import { ConfigError, type Sampler } from "@noisereel/core";
import { z } from "zod";
import type { GenerateOptions } from "./generate.js";
import { samplers } from "./samplers/index.js";
import { flowEuler } from "./samplers/flow-euler.js";

const factories = { ...samplers, flowEuler } as const;

/** A sampler by the name of its factory, with its options as JSON. */
export interface SamplerSpec {
  readonly type: keyof typeof factories;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
}

/** Throws `ConfigError` with the known names for any other. */
export function samplerFrom({ type, options = {} }: SamplerSpec): Sampler {
  if (!Object.hasOwn(factories, type)) {
    throw new ConfigError(`sampler is "${type}"; use one of ${Object.keys(factories).join(", ")}`);
  }
  return (factories[type] as (options: object) => Sampler)(options);
}

const positive = z.int().positive();

const schema = z.object({
  format: z.literal("noisereel-generation-1"),
  prompt: z.union([z.string(), z.array(z.string()).min(1)]),
  negativePrompt: z.string(),
  seed: z.int().nonnegative(),
  sampler: z.object({
    type: z.enum(Object.keys(factories) as (keyof typeof factories)[]),
    options: z.record(z.string(), z.unknown()).optional(),
  }),
  steps: positive,
  guidanceScale: z.number(),
  guidanceRescale: z.number().min(0).max(1),
  frames: positive,
  height: positive,
  width: positive,
  /** A name or a hash for each model, to find out whether a result can be made again. */
  models: z.record(z.string(), z.string()),
});

/** The settings of one call of `generateVideo`, with which the same models make the same bytes on the same executor. */
export type GenerationRecord = Readonly<z.output<typeof schema>>;

/** `models`: what identifies the weights, e.g. `{ denoiser: sha256 }`. */
export function generationRecord(
  settings: Pick<
    GenerateOptions,
    "prompt" | "negativePrompt" | "seed" | "guidanceRescale" | "frames" | "height" | "width"
  > & {
    readonly sampler?: SamplerSpec;
    readonly steps?: number;
    readonly guidanceScale?: number;
    readonly models: Readonly<Record<string, string>>;
  },
): GenerationRecord {
  const { prompt, negativePrompt = "", sampler = { type: "dpmSolverMultistep" }, models } = settings;
  const { seed, steps = 25, guidanceScale = 7.5, guidanceRescale = 0, frames, height, width } = settings;
  return parseGenerationRecord({
    format: "noisereel-generation-1",
    prompt: typeof prompt === "string" ? prompt : [...prompt],
    negativePrompt,
    seed,
    sampler,
    steps,
    guidanceScale,
    guidanceRescale,
    frames,
    height,
    width,
    models,
  });
}

/** Checks what was read from a file; other keys beside the record's own are left out. Throws `ConfigError` that names the key. */
export function parseGenerationRecord(value: unknown): GenerationRecord {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "the whole"}: ${message}`);
  throw new ConfigError(
    `the record of a generation cannot be used: ${problems.join("; ")}; use the .json that was written beside a result`,
  );
}

/** The options of `generateVideo` that a record holds: add the models. */
export function generationOptions(
  record: GenerationRecord,
): Pick<
  GenerateOptions,
  | "prompt"
  | "negativePrompt"
  | "seed"
  | "sampler"
  | "steps"
  | "guidanceScale"
  | "guidanceRescale"
  | "frames"
  | "height"
  | "width"
> {
  const { sampler, format: _format, models: _models, ...settings } = record;
  return { ...settings, sampler: samplerFrom(sampler) };
}
