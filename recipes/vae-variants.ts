// The released structure beside ours, for the same budget: attention, norms and upsampling that see the whole clip, or one
// frame and the past. The same small model is trained both ways, from the same image VAE, on the same clips in the same order.
import { CausalVae, causalConfig, inflate, releaseConfig } from "@noisereel/causal-vae";
import { createRng } from "@noisereel/core";
import {
  cutClip,
  type Experiment,
  type ExperimentOptions,
  measureVae,
  openExperiment,
  secondsOf,
  trainImageVae,
  trainVae,
  writeReport,
} from "./vae-experiments/experiment.js";
import type { Reconstruction } from "./vae-experiments/measures.js";
import { variantFigures } from "./vae-experiments/variants-figures.js";

/** Every number of the experiment. */
export const variantsConfig = {
  /** From each, an image VAE is trained, and from that both variants. */
  seeds: [0, 1],
  /** Side of the frames in pixels. */
  size: 32,
  model: { hidden_size: 8, hidden_size_mult: [1, 2, 4, 4], num_res_blocks: 1, norm_num_groups: 4 },
  /** Frames of a batch, steps and peak learning rate of the image VAE. */
  image: { frames: 8, steps: 500, learningRate: 2e-3, warmUpSteps: 25 },
  /** Frames of the one clip of a step, steps and peak learning rate of each variant. */
  video: { frames: 17, steps: 200, learningRate: 3e-4, warmUpSteps: 20 },
  klWeight: 1e-6,
  /** Frames of a clip that are trained on, from its first; those after it are held out. */
  trainedFrames: 48,
  measuredFrames: 65,
};
export type VariantsConfig = typeof variantsConfig;

export const variants = ["released", "per-frame"] as const;
export type Variant = (typeof variants)[number];

export interface VariantsOptions extends ExperimentOptions {
  readonly config?: VariantsConfig;
}

/** One training: what the model reconstructs before and after it, and the loss of every step. */
export interface VariantResult {
  readonly variant: Variant;
  readonly seed: number;
  /** All frames of the clips, coded as one clip, before training. */
  readonly start: Reconstruction;
  readonly losses: readonly number[];
  /** All frames of the clips, coded as one clip. */
  readonly whole: Reconstruction;
  /** The frames after those trained on, coded as a clip of their own. */
  readonly heldOut: Reconstruction;
}

export interface VariantsReport {
  readonly config: VariantsConfig;
  readonly clips: readonly string[];
  /** The image VAE of each seed, frame by frame: what no mixing of frames would reconstruct. */
  readonly images: readonly Reconstruction[];
  readonly results: readonly VariantResult[];
  /** Seconds of computing, interrupted runs included. */
  readonly seconds: number;
}

/**
 * Trains both variants from the same image VAEs and writes `report.json`, `report.html` and SVG figures to the folder. Killed at any
 * moment and called again it goes on. Throws `ConfigError` for a folder with another configuration.
 */
export async function runVaeVariants(options: VariantsOptions = {}): Promise<VariantsReport> {
  const { config = variantsConfig } = options;
  const experiment = await openExperiment("vae-variants", options, config);
  const images: Reconstruction[] = [];
  const results: VariantResult[] = [];
  for (const seed of config.seeds) {
    const image = await trainImageVae(experiment, {
      name: `image-${seed}`,
      model: config.model,
      budget: config.image,
      from: config.trainedFrames,
      rng: createRng(seed).fork("image"),
    });
    try {
      images.push(await measureWhole(experiment, config, image, `image-${seed}`));
      for (const variant of variants) results.push(await trainVariant(experiment, config, image, variant, seed));
    } finally {
      image.dispose();
    }
  }
  const seconds = secondsOf(experiment);
  const report: VariantsReport = { config, clips: experiment.clips.map(({ id }) => id), images, results, seconds };
  await writeReport(experiment, report, variantFigures(report));
  return report;
}

async function trainVariant(
  experiment: Experiment,
  config: VariantsConfig,
  image: CausalVae,
  variant: Variant,
  seed: number,
): Promise<VariantResult> {
  const { video, trainedFrames, measuredFrames } = config;
  const name = `${variant}-${seed}`;
  const configOf = { released: releaseConfig, "per-frame": causalConfig }[variant];
  const vae = new CausalVae(configOf(config.model));
  try {
    inflate(await image.stateDict(), vae, { init: "tail" });
    const start = await measureWhole(experiment, config, vae, `${name}-start`);
    const losses = await trainVae(experiment, {
      name,
      title: `Training ${variant} from seed ${seed}`,
      vae,
      budget: video,
      rng: createRng(seed).fork("video"),
      example: (stepRng) => ({
        video: cutClip(experiment.clips, { frames: video.frames, from: trainedFrames }, stepRng),
        stills: [],
      }),
    });
    return {
      variant,
      seed,
      start,
      losses,
      whole: await measureWhole(experiment, config, vae, name),
      heldOut: await measureVae(experiment, {
        name: `${name}-held-out`,
        title: `Measuring ${name} on frames held out`,
        vae,
        range: { start: trainedFrames, frames: measuredFrames - trainedFrames },
      }),
    };
  } finally {
    vae.dispose();
  }
}

/** What is kept of all measured frames, coded as one clip. */
function measureWhole(
  experiment: Experiment,
  config: VariantsConfig,
  vae: CausalVae,
  name: string,
): Promise<Reconstruction> {
  const range = { start: 0, frames: config.measuredFrames };
  return measureVae(experiment, { name: `${name}-whole`, title: `Measuring ${name}`, vae, range });
}
