// Three ways to start a video VAE from an image VAE, side by side: the 2D kernels become the last, the middle or all taps
// of the 3D kernels. An image VAE is trained on frames; then the same video VAE is trained from the three starts.
import {
  CausalVae,
  causalConfig,
  type CausalVaeConfigInput,
  compiled,
  inflate,
  type InflationInit,
  vaeTask,
} from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import { type Clip, ConfigError, createRng, type Example, type Executor, initialize, type Rng } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { centerCropResize, manifestSource, readManifest, selectFrames } from "@noisereel/data";
import { adamW, cosine, fit, historyPlugin } from "@noisereel/trainer";
import path from "node:path";
import type { RecipeEvent } from "./events.js";
import { shippedManifest } from "./quickstart/config.js";
import { initialisationFigures } from "./vae-initialisation-figures.js";
import { measureReconstruction, type Reconstruction } from "./vae-initialisation-measures.js";

/** Every number of the experiment. */
export const initialisationConfig = {
  seed: 0,
  /** Side of the frames in pixels. */
  size: 32,
  model: { hidden_size: 16, hidden_size_mult: [1, 2, 4, 4], num_res_blocks: 1, norm_num_groups: 8 },
  /** Frames of a batch, steps and peak learning rate of the image VAE. */
  image: { frames: 8, steps: 500, learningRate: 2e-3 },
  /** Frames of a clip, steps and peak learning rate of each video VAE. */
  video: { frames: 17, steps: 30, learningRate: 5e-4 },
  klWeight: 1e-6,
  /** Frames of the clips that reconstructions are measured on. */
  measuredFrames: 65,
};
export type InitialisationConfig = typeof initialisationConfig;

export interface InitialisationOptions {
  /** Where the report goes. Default `runs/vae-initialisation`. */
  readonly folder?: string;
  /** Default the clips that ship with noisereel. */
  readonly manifest?: string;
  readonly config?: InitialisationConfig;
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RecipeEvent) => void;
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
 * Trains one image VAE and three video VAEs and writes `report.json`, `report.html` and two SVG figures to `folder`.
 * Frames are both trained and measured on: the question is the start, not how it generalises.
 */
export async function runVaeInitialisation(options: InitialisationOptions = {}): Promise<InitialisationReport> {
  const { config = initialisationConfig, executor = onnxExecutor(), onEvent = () => {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const folder = path.resolve(options.folder ?? "runs/vae-initialisation");
  const started = performance.now();
  const rng = createRng(config.seed);
  const clips = await readClips(options.manifest ?? shippedManifest(), config, signal);

  const image = new CausalVae(imageConfig(config));
  try {
    initialize(image, rng.fork("image"));
    await trainModel(image, {
      ...config.image,
      name: "image",
      title: "Training the image VAE on frames",
      items: (_, stepRng) => [stillsExample(clips, config.image.frames, stepRng)],
    });
    const weights = await image.stateDict();
    const results: InitialisationResult[] = [];
    for (const init of ["tail", "center", "average"] as const) {
      const video = new CausalVae(causalConfig(config.model));
      try {
        inflate(weights, video, { init });
        const before = await measure(video);
        const losses = await trainModel(video, {
          ...config.video,
          name: init,
          title: `Training the video VAE from ${init}`,
          items: (_, stepRng) => [{ video: cutClip(clips, config.video.frames, stepRng), stills: [] }],
        });
        results.push({ init, before, after: await measure(video), losses });
      } finally {
        video.dispose();
      }
    }
    const report: InitialisationReport = {
      config,
      clips: clips.map(({ id }) => id),
      image: await measure(image),
      results,
      seconds: (performance.now() - started) / 1000,
    };
    await writeFileAtomically(path.join(folder, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
    for (const [name, content] of Object.entries(initialisationFigures(report))) {
      await writeFileAtomically(path.join(folder, name), content);
    }
    return report;
  } finally {
    image.dispose();
  }

  async function measure(vae: CausalVae): Promise<Reconstruction> {
    const coder = compiled(vae, executor);
    try {
      return await measureReconstruction(coder, clips, config.measuredFrames, signal);
    } finally {
      coder.dispose();
    }
  }

  async function trainModel(
    vae: CausalVae,
    training: {
      readonly name: string;
      readonly title: string;
      readonly steps: number;
      readonly learningRate: number;
      readonly items: (step: number, stepRng: Rng) => readonly Example[];
    },
  ): Promise<readonly number[]> {
    const { name, title, steps, learningRate, items } = training;
    const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: 0 });
    const history = historyPlugin();
    const begun = performance.now();
    onEvent({ type: "phase-start", phase: name, title, unit: "steps", count: steps, done: 0 });
    try {
      const summary = await fit({
        task: vaeTask({ vae, klWeight: config.klWeight, reduction: "mean" }),
        items,
        optimizer,
        learningRate: cosine({ peak: learningRate, warmUpSteps: Math.ceil(steps / 20), totalSteps: steps }),
        clipNorm: 1,
        totalSteps: steps,
        rng: rng.fork(`train ${name}`),
        executor,
        signal,
        plugins: [history],
        onStep({ step, losses }) {
          const etaSeconds = step < 2 ? undefined : ((performance.now() - begun) / 1000 / step) * (steps - step);
          onEvent({ type: "phase-progress", phase: name, done: step, count: steps, etaSeconds, values: { ...losses } });
        },
      });
      if (!summary.finished) signal.throwIfAborted();
      const seconds = (performance.now() - begun) / 1000;
      onEvent({ type: "phase-end", phase: name, seconds, skipped: false });
      return history.curves()["loss.vae"]!.values;
    } finally {
      optimizer.dispose();
    }
  }
}

/** The same networks in two dimensions, run frame by frame: Stable Diffusion's image VAE, narrow. */
function imageConfig(config: InitialisationConfig): CausalVaeConfigInput {
  const levels = config.model.hidden_size_mult.map((_, level) => level);
  const last = levels.length - 1;
  return causalConfig({
    ...config.model,
    q_conv: "Conv2d",
    encoder_conv_in: "Conv2d",
    encoder_conv_out: "Conv2d",
    encoder_attention: "AttnBlock",
    encoder_mid_resnet: "ResnetBlock2D",
    encoder_resnet_blocks: levels.map(() => "ResnetBlock2D"),
    encoder_spatial_downsample: levels.map((level) => (level < last ? "Downsample" : "")),
    encoder_temporal_downsample: levels.map(() => ""),
    decoder_conv_in: "Conv2d",
    decoder_conv_out: "Conv2d",
    decoder_attention: "AttnBlock",
    decoder_mid_resnet: "ResnetBlock2D",
    decoder_resnet_blocks: levels.map(() => "ResnetBlock2D"),
    decoder_spatial_upsample: levels.map((level) => (level > 0 ? "Upsample" : "")),
    decoder_temporal_upsample: levels.map(() => ""),
  });
}

async function readClips(file: string, config: InitialisationConfig, signal: AbortSignal): Promise<readonly Clip[]> {
  const source = manifestSource(await readManifest(path.resolve(file)));
  const resize = centerCropResize({ height: config.size, width: config.size });
  const clips: Clip[] = [];
  for (let index = 0; index < source.length; index++) {
    const clip = await source.get(index, { signal });
    if (clip.frames < config.measuredFrames) continue;
    clips.push(await resize(clip, createRng(config.seed)));
  }
  if (clips.length === 0) {
    throw new ConfigError(`${file} has no clip of ${config.measuredFrames} frames; lower measuredFrames`);
  }
  return clips;
}

/** Frames of any clips, as one clip of one frame and stills. */
function stillsExample(clips: readonly Clip[], count: number, rng: Rng): Example {
  const [first, ...stills] = Array.from({ length: count }, (_, slot) => {
    const clip = clips[rng.integer(clips.length)]!;
    return { ...selectFrames(clip, [rng.integer(clip.frames)]), id: `${clip.id}/${slot}` };
  });
  return { video: first!, stills };
}

function cutClip(clips: readonly Clip[], frames: number, rng: Rng): Clip {
  const clip = clips[rng.integer(clips.length)]!;
  const start = rng.integer(clip.frames - frames + 1);
  return selectFrames(
    clip,
    Array.from({ length: frames }, (_, index) => start + index),
  );
}
