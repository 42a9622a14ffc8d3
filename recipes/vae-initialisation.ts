// Three ways to start a video VAE from an image VAE, side by side: the 2D kernels become the last, the middle or all taps
// of the 3D kernels. An image VAE is trained on frames; then the same video VAE is trained from the three starts.
import { CausalVae, causalConfig, inflate, type InflationInit } from "@noisereel/causal-vae";
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
import { initialisationFigures } from "./vae-experiments/initialisation-figures.js";

/** Every number of the experiment. */
export const initialisationConfig = {
  seed: 0,
  /** Side of the frames in pixels. */
  size: 32,
  model: { hidden_size: 8, hidden_size_mult: [1, 2, 4, 4], num_res_blocks: 1, norm_num_groups: 4 },
  /** Frames of a batch, steps and peak learning rate of the image VAE. */
  image: { frames: 8, steps: 500, learningRate: 2e-3, warmUpSteps: 25 },
  /** Frames of a clip, steps and peak learning rate of each video VAE, a tenth of the image VAE's: it begins trained. */
  video: { frames: 17, steps: 150, learningRate: 2e-4, warmUpSteps: 15 },
  klWeight: 1e-6,
  /** Frames of the clips that reconstructions are measured on. */
  measuredFrames: 65,
};
export type InitialisationConfig = typeof initialisationConfig;

export interface InitialisationOptions extends ExperimentOptions {
  readonly config?: InitialisationConfig;
}

/** One start: what it reconstructs before and after training, and the L1 loss of every step between. */
export interface InitialisationResult {
  readonly init: InflationInit;
  readonly before: Reconstruction;
  readonly after: Reconstruction;
  readonly losses: readonly number[];
}

export interface InitialisationReport {
  readonly config: InitialisationConfig;
  readonly clips: readonly string[];
  /** The image VAE, frame by frame: what a perfect start would reconstruct. */
  readonly image: Reconstruction;
  readonly results: readonly InitialisationResult[];
  readonly seconds: number;
}

/**
 * Trains one image VAE and three video VAEs and writes `report.json`, `report.html` and two SVG figures to the folder. Frames
 * are both trained and measured on: the question is the start, not how it generalises. Killed at any moment and called again it
 * goes on. Throws `ConfigError` for a folder with another configuration.
 */
export async function runVaeInitialisation(options: InitialisationOptions = {}): Promise<InitialisationReport> {
  const { config = initialisationConfig } = options;
  const experiment = await openExperiment("vae-initialisation", options, config);
  const rng = createRng(config.seed);
  const range = { start: 0, frames: config.measuredFrames };

  const image = await trainImageVae(experiment, {
    name: "image",
    model: config.model,
    budget: config.image,
    from: Infinity,
    rng: rng.fork("image"),
  });
  try {
    const imageResult = await measureVae(experiment, {
      name: "image-measured",
      title: "Measuring the image VAE",
      vae: image,
      range,
    });
    const results: InitialisationResult[] = [];
    for (const init of ["tail", "center", "average"] as const) {
      results.push(await trainFrom(experiment, config, image, init));
    }
    const report: InitialisationReport = {
      config,
      clips: experiment.clips.map(({ id }) => id),
      image: imageResult,
      results,
      seconds: secondsOf(experiment),
    };
    await writeReport(experiment, report, initialisationFigures(report));
    return report;
  } finally {
    image.dispose();
  }
}

async function trainFrom(
  experiment: Experiment,
  config: InitialisationConfig,
  image: CausalVae,
  init: InflationInit,
): Promise<InitialisationResult> {
  const range = { start: 0, frames: config.measuredFrames };
  const video = new CausalVae(causalConfig(config.model));
  try {
    inflate(await image.stateDict(), video, { init });
    const before = await measureVae(experiment, {
      name: `${init}-before`,
      title: `Measuring ${init} before training`,
      vae: video,
      range,
    });
    const losses = await trainVae(experiment, {
      name: init,
      title: `Training the video VAE from ${init}`,
      vae: video,
      budget: config.video,
      // The same clips in the same order and the same noise for all three.
      rng: createRng(config.seed).fork("train video"),
      example: (stepRng) => ({
        video: cutClip(experiment.clips, { frames: config.video.frames, from: Infinity }, stepRng),
        stills: [],
      }),
    });
    const after = await measureVae(experiment, {
      name: `${init}-after`,
      title: `Measuring ${init} after training`,
      vae: video,
      range,
    });
    return { init, before, after, losses };
  } finally {
    video.dispose();
  }
}
