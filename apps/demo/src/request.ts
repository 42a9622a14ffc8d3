// From the body of a request to parameters, or to one sentence about what is wrong with it.
import { ConfigError } from "@noisereel/core";
import type { Parameters, Range, Studio } from "./protocol.js";

type ReadyStudio = Extract<Studio, { ready: true }>;

const names: readonly (keyof Parameters)[] = [
  "prompt",
  "negativePrompt",
  "seed",
  "steps",
  "guidanceScale",
  "sampler",
  "frames",
  "height",
  "width",
];

/** Missing values are the run's; a value that cannot be used, or a name that means nothing, is a `ConfigError`. */
export function readParameters(body: unknown, studio: ReadyStudio): Parameters {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ConfigError("the request is no JSON object; send { prompt, seed, … }");
  }
  const unknown = Object.keys(body).filter((key) => !(names as readonly string[]).includes(key));
  if (unknown.length > 0) {
    throw new ConfigError(`${unknown.join(", ")} is no parameter; use ${names.join(", ")}`);
  }
  const { limits, defaults } = studio;
  const values: Record<string, unknown> = { negativePrompt: "", seed: 0, ...defaults, ...body };
  const prompt = text("prompt", values["prompt"], limits.promptLength);
  if (prompt === "") throw new ConfigError("the prompt is empty; describe what the clip shows");
  return {
    prompt,
    negativePrompt: text("negativePrompt", values["negativePrompt"], limits.promptLength),
    seed: integer("seed", values["seed"], limits.seed),
    steps: integer("steps", values["steps"], limits.steps),
    guidanceScale: number("guidanceScale", values["guidanceScale"], limits.guidanceScale),
    sampler: oneOf("sampler", values["sampler"], limits.samplers),
    frames: oneOf("frames", values["frames"], limits.frames),
    height: oneOf("height", values["height"], limits.sizes),
    width: oneOf("width", values["width"], limits.sizes),
  };
}

function text(name: string, value: unknown, length: number): string {
  if (typeof value !== "string") throw new ConfigError(`${name} is ${shown(value)}; use text`);
  const trimmed = value.trim();
  if (trimmed.length > length) {
    throw new ConfigError(`${name} has ${trimmed.length} characters; use at most ${length}`);
  }
  return trimmed;
}

function number(name: string, value: unknown, { minimum, maximum }: Range): number {
  if (typeof value !== "number" || !(value >= minimum && value <= maximum)) {
    throw new ConfigError(`${name} is ${shown(value)}; use a number from ${minimum} to ${maximum}`);
  }
  return value;
}

function integer(name: string, value: unknown, range: Range): number {
  if (!Number.isInteger(value)) {
    throw new ConfigError(`${name} is ${shown(value)}; use an integer from ${range.minimum} to ${range.maximum}`);
  }
  return number(name, value, range);
}

function oneOf<T extends string | number>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new ConfigError(`${name} is ${shown(value)}; use one of ${allowed.join(", ")}`);
  return found;
}

const shown = (value: unknown): string => JSON.stringify(value)?.slice(0, 60) ?? "missing";
