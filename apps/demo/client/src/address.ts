// Parameters in the page's address, so that a link shares them.
import type { Parameters, Range, Studio } from "../../src/protocol.js";

type ReadyStudio = Extract<Studio, { ready: true }>;

/** Names in the address. */
const keys: Readonly<Record<keyof Parameters, string>> = {
  prompt: "prompt",
  negativePrompt: "negative",
  seed: "seed",
  steps: "steps",
  guidanceScale: "guidance",
  sampler: "sampler",
  frames: "frames",
  height: "height",
  width: "width",
};

/** The run's defaults with what the address says in their place; values that are not legal here are left out. */
export function parametersFromAddress(search: string, studio: ReadyStudio): Parameters {
  const given = new URLSearchParams(search);
  const { limits, defaults } = studio;
  const text = (name: keyof Parameters, fallback: string): string => given.get(keys[name]) ?? fallback;
  const among = <T extends string | number>(name: keyof Parameters, allowed: readonly T[], fallback: T): T =>
    allowed.find((value) => String(value) === given.get(keys[name])) ?? fallback;
  const number = (name: keyof Parameters, { minimum, maximum }: Range, fallback: number): number => {
    const value = Number(given.get(keys[name]) ?? Number.NaN);
    return value >= minimum && value <= maximum ? value : fallback;
  };
  return {
    prompt: text("prompt", ""),
    negativePrompt: text("negativePrompt", ""),
    seed: Math.floor(number("seed", limits.seed, 0)),
    steps: Math.floor(number("steps", limits.steps, defaults.steps)),
    guidanceScale: number("guidanceScale", limits.guidanceScale, defaults.guidanceScale),
    sampler: among("sampler", limits.samplers, defaults.sampler),
    frames: among("frames", limits.frames, defaults.frames),
    height: among("height", limits.sizes, defaults.height),
    width: among("width", limits.sizes, defaults.width),
  };
}

export function addressOf(parameters: Parameters): string {
  const search = new URLSearchParams();
  for (const name of Object.keys(keys) as (keyof Parameters)[]) {
    const value = String(parameters[name]);
    if (value !== "") search.set(keys[name], value);
  }
  return `?${search.toString()}`;
}
