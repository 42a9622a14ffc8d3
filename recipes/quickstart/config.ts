// What the quickstart trains, as plain data: change a number here, or copy the file to make your own recipe.
import type { JsonValue } from "@noisereel/core";
import path from "node:path";

/** The shipped clips. */
export const defaultManifest = path.join(import.meta.dirname, "..", "..", "clips", "manifest.jsonl");

export const quickstartConfig = {
  /** All randomness of the run flows from here. */
  seed: 0,
  /** Pixels. Clips are centre-cropped and resized to the size of the last stage. */
  height: 64,
  width: 64,
  /** Every second frame of a file: 17 frames span 33. */
  sampleRate: 2,

  autoencoder: {
    model: { hidden_size: 32, hidden_size_mult: [1, 1, 2, 2], num_res_blocks: 1 },
    steps: 900,
    /** Clips of a step, and stills beside each. */
    batch: 1,
    stills: 2,
    frames: 9,
    learningRate: 1e-3,
    warmUpSteps: 50,
    /** Weight of the KL term against the mean absolute error of a pixel. */
    klWeight: 1e-6,
    emaDecay: 0.99,
    saveEvery: 100,
  },

  textEncoder: { width: 96, layers: 1, heads: 4, maxTokens: 192 },

  denoiser: { num_attention_heads: 6, attention_head_dim: 32, num_layers: 4, patch_size: 2 },

  /** Each stage goes on from the weights of the one before. */
  stages: [
    {
      name: "stage-1",
      frames: 5,
      height: 48,
      width: 48,
      stills: 2,
      batch: 8,
      steps: 500,
      learningRate: 1e-3,
      saveEvery: 100,
    },
    {
      name: "stage-2",
      frames: 17,
      height: 64,
      width: 64,
      stills: 2,
      batch: 8,
      steps: 1200,
      learningRate: 1e-3,
      saveEvery: 100,
    },
  ],
  captionDropout: 0.1,
  emaDecay: 0.995,
  clipNorm: 1,
  warmUpSteps: 50,

  sampling: { sampler: "ddim", steps: 30, guidanceScale: 3, fps: 8 },
} as const;

/** The same with any number in its place, so that a test or a notebook can run a shorter one. */
export type QuickstartConfig = Widened<typeof quickstartConfig>;

type Widened<T> = T extends string
  ? string
  : T extends number
    ? number
    : T extends readonly (infer Item)[]
      ? readonly Widened<Item>[]
      : { readonly [Key in keyof T]: Widened<T[Key]> };

/** The configuration as JSON, for the run's folder and its report. */
export function configJson(config: QuickstartConfig): { readonly [key: string]: JsonValue } {
  return JSON.parse(JSON.stringify(config)) as { readonly [key: string]: JsonValue };
}
