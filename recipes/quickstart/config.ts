// What the quickstart trains, as plain data: change a number here, or copy the file to make your own recipe.
import { ConfigError, type JsonValue } from "@noisereel/core";
import type { LatteConfigInput } from "@noisereel/diffusion";
import { existsSync } from "node:fs";
import path from "node:path";

/** The shipped clips' manifest: `clips/` of the repository that this file, or what it was built to, lies in. */
export function shippedManifest(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const manifest = path.join(folder, "clips", "manifest.jsonl");
    if (existsSync(manifest)) return manifest;
  }
  throw new ConfigError("the shipped clips are not here, only the repository has them; pass a manifest of your own");
}

export const quickstartConfig = {
  /** All randomness of the run flows from here. */
  seed: 0,
  /** Pixels. Clips are centre-cropped and resized to the size of the last stage. */
  height: 64,
  width: 64,
  /** Every second frame of a file: 17 frames span 33. */
  sampleRate: 2,

  autoencoder: {
    model: { hidden_size: 16, hidden_size_mult: [1, 2, 4, 4], num_res_blocks: 1 },
    /**
     * Log variance of a latent at first: small, so that the decoder learns from what it is told and not from noise.
     */
    logVariance: -5,
    steps: 600,
    /** Frames of the one clip of a step. */
    frames: 5,
    /** Still images of a step, from as many clips as there are. An image costs less than a frame of a clip. */
    stills: 8,
    learningRate: 2e-3,
    warmUpSteps: 30,
    /** Weight of the KL term against the mean absolute error of a pixel. */
    klWeight: 1e-6,
    emaDecay: 0.99,
    saveEvery: 100,
  },

  textEncoder: { width: 96, layers: 1, heads: 4, maxTokens: 192 },

  denoiser: {
    num_attention_heads: 6,
    attention_head_dim: 32,
    num_layers: 4,
    patch_size: 2,
    /** Estimates the clean latents: of few clips it learns that fastest, and no timestep blows its errors up. */
    prediction_type: "sample",
  },

  /** Each stage goes on from the weights of the one before. */
  stages: [
    {
      name: "stage-1",
      frames: 5,
      height: 48,
      width: 48,
      stills: 2,
      batch: 8,
      steps: 200,
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
      steps: 500,
      learningRate: 1e-3,
      saveEvery: 100,
    },
  ],
  captionDropout: 0.1,
  emaDecay: 0.995,
  clipNorm: 1,
  warmUpSteps: 50,

  /** A guidance of 1.5: with 3, samples resemble their clips less, and PNDM overshoots (docs/concepts/samplers.md). */
  sampling: { sampler: "ddim", steps: 30, guidanceScale: 1.5, fps: 8 },
} as const;

/** The same with any number in its place, so that a test or a notebook can run a shorter one. */
export type QuickstartConfig = Omit<Widened<typeof quickstartConfig>, "denoiser"> & {
  /**
   * With `control_channels: 5` it also learns to go on from frames that it is given: the known latents, 4 channels, and their
   * mask.
   */
  readonly denoiser: LatteConfigInput;
  /**
   * Default `iddpm`, in what the denoiser's `prediction_type` says. `rectified-flow` needs `v_prediction` and is sampled with
   * `flowEuler`.
   */
  readonly objective?: "iddpm" | "rectified-flow";
};

/** The quickstart with rectified flow as its objective. */
export function withRectifiedFlow(config: QuickstartConfig): QuickstartConfig {
  return {
    ...config,
    objective: "rectified-flow",
    denoiser: { ...config.denoiser, prediction_type: "v_prediction" },
    sampling: { ...config.sampling, sampler: "flowEuler", steps: 25 },
  };
}

/** The quickstart with a denoiser that goes on from given frames. */
export function withControl(config: QuickstartConfig): QuickstartConfig {
  const { in_channels: latentChannels = 4 } = config.denoiser;
  return { ...config, denoiser: { ...config.denoiser, control_channels: latentChannels + 1 } };
}

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
