// What the experiments with small video VAEs share: clips, training that may be killed, and measuring.
import {
  CausalVae,
  causalConfig,
  type CausalVaeConfigInput,
  compiled,
  savePretrained,
  vaeTask,
} from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import { type Clip, ConfigError, createRng, type Example, type Executor, initialize, type Rng } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { centerCropResize, manifestSource, readManifest, selectFrames } from "@noisereel/data";
import { adamW, cosine } from "@noisereel/trainer";
import path from "node:path";
import { setLogVariance } from "../latents/scale.js";
import { shippedManifest } from "../quickstart/config.js";
import { RunFolder } from "../quickstart/run-folder.js";
import { trainInPhase } from "../quickstart/train-phase.js";
import type { RecipeEvent } from "../run/events.js";
import { type FrameRange, measureReconstruction, type Reconstruction } from "./measures.js";

/** What a small model's configuration names beside its structure. */
export interface VaeWidths {
  readonly hidden_size: number;
  readonly hidden_size_mult: number[];
  readonly num_res_blocks: number;
  readonly norm_num_groups: number;
}

/** Steps of a training, its peak learning rate and the steps until that is reached. */
export interface TrainingBudget {
  readonly steps: number;
  readonly learningRate: number;
  readonly warmUpSteps: number;
}

/** What all trainings of an experiment have in common. */
export interface Experiment {
  readonly run: RunFolder;
  readonly executor: Executor;
  readonly signal: AbortSignal;
  readonly clips: readonly Clip[];
  readonly klWeight: number;
}

/** What a caller may say of an experiment beside its numbers. */
export interface ExperimentOptions {
  /** Where the run and its report go. Default `runs/` and the experiment's name. */
  readonly folder?: string;
  /** Removes what the folder holds first. Default false: goes on with it. */
  readonly fresh?: boolean;
  /** Default the clips that ship with noisereel. */
  readonly manifest?: string;
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RecipeEvent) => void;
}

/** Opens the folder and reads the clips. Throws `ConfigError` for a folder with another configuration. */
export async function openExperiment(
  name: string,
  options: ExperimentOptions,
  config: { readonly size: number; readonly measuredFrames: number; readonly klWeight: number },
): Promise<Experiment> {
  const { executor = onnxExecutor(), onEvent = () => {}, signal = new AbortController().signal } = options;
  const { size, measuredFrames, klWeight } = config;
  const run = await RunFolder.open({
    folder: path.resolve(options.folder ?? path.join("runs", name)),
    config: { ...config },
    fresh: options.fresh ?? false,
    emit: onEvent,
  });
  const clips = await readSquareClips(path.resolve(options.manifest ?? shippedManifest()), {
    size,
    frames: measuredFrames,
    signal,
  });
  return { run, executor, signal, clips, klWeight };
}

/** Seconds of computing, interrupted runs included. */
export function secondsOf({ run }: Experiment): number {
  return Object.values(run.seconds).reduce((sum, value) => sum + value, 0);
}

/** Writes `report.json` and the figures by their names into the run's folder. */
export async function writeReport(
  { run }: Experiment,
  report: object,
  figures: Readonly<Record<string, string>>,
): Promise<void> {
  await writeFileAtomically(run.path("report.json"), `${JSON.stringify(report, null, 2)}\n`);
  for (const [name, content] of Object.entries(figures)) await writeFileAtomically(run.path(name), content);
}

/** The manifest's clips of at least `frames` frames, cropped to squares of `size` pixels. */
async function readSquareClips(
  manifest: string,
  options: { readonly size: number; readonly frames: number; readonly signal: AbortSignal },
): Promise<readonly Clip[]> {
  const { size, frames, signal } = options;
  const source = manifestSource(await readManifest(manifest));
  const resize = centerCropResize({ height: size, width: size });
  const clips: Clip[] = [];
  for (let index = 0; index < source.length; index++) {
    const clip = await source.get(index, { signal });
    if (clip.frames >= frames) clips.push(await resize(clip, createRng(0)));
  }
  if (clips.length === 0) throw new ConfigError(`${manifest} has no clip of ${frames} frames; measure fewer frames`);
  return clips;
}

/**
 * A new image VAE of the same widths as the video VAEs, trained on single frames out of the first `from` of every clip. The
 * caller disposes it.
 */
export async function trainImageVae(
  experiment: Experiment,
  options: {
    readonly name: string;
    readonly model: VaeWidths;
    /** `frames`: single frames of a step. */
    readonly budget: TrainingBudget & { readonly frames: number };
    readonly from: number;
    readonly rng: Rng;
  },
): Promise<CausalVae> {
  const { name, model, budget, from, rng } = options;
  const vae = new CausalVae(imageConfig(model));
  try {
    initialize(vae, rng.fork("weights"));
    // Little noise at first, so that the decoder learns from what it is told.
    setLogVariance(vae, -5);
    await trainVae(experiment, {
      name,
      title: "Training the image VAE on frames",
      vae,
      budget,
      rng: rng.fork("training"),
      example(stepRng) {
        const [video, ...stills] = drawStills(experiment.clips, { count: budget.frames, from }, stepRng);
        return { video: video!, stills };
      },
    });
    return vae;
  } catch (error) {
    vae.dispose();
    throw error;
  }
}

/** The same networks in two dimensions, run frame by frame: Stable Diffusion's image VAE, narrow. */
function imageConfig(model: VaeWidths): CausalVaeConfigInput {
  const levels = model.hidden_size_mult.map((_, level) => level);
  const last = levels.length - 1;
  return causalConfig({
    ...model,
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

/**
 * Trains `vae` by L1 and KL and keeps it in the run's folder `models/NAME`; a training that an earlier run finished is
 * loaded from there. Returns the loss of every step.
 */
export async function trainVae(
  { run, executor, signal, klWeight }: Experiment,
  options: {
    readonly name: string;
    readonly title: string;
    readonly vae: CausalVae;
    readonly budget: TrainingBudget;
    readonly rng: Rng;
    readonly example: (rng: Rng) => Example;
  },
): Promise<readonly number[]> {
  const { name, title, vae, budget, rng, example } = options;
  const { steps, learningRate, warmUpSteps } = budget;
  const folder = run.path("models", name);
  const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: 0 });
  let trainedNow = false;
  try {
    const losses = await trainInPhase(run, {
      name,
      title,
      task: vaeTask({ vae, klWeight, reduction: "mean" }),
      items: (_, stepRng) => [example(stepRng)],
      optimizer,
      learningRate: cosine({ peak: learningRate, warmUpSteps, totalSteps: steps }),
      clipNorm: 1,
      totalSteps: steps,
      saveEvery: 100,
      rng,
      executor,
      signal,
      async afterwards() {
        await savePretrained(vae, folder);
        trainedNow = true;
      },
    });
    if (!trainedNow) await loadInto(vae, folder);
    return losses;
  } finally {
    optimizer.dispose();
  }
}

async function loadInto(vae: CausalVae, folder: string): Promise<void> {
  const found = await CausalVae.fromPretrained(folder);
  try {
    vae.loadStateDict(await found.stateDict());
  } finally {
    found.dispose();
  }
}

/** Measures what `vae` keeps of `range` of every clip, once in a run. */
export function measureVae(
  { run, executor, signal, clips }: Experiment,
  options: { readonly name: string; readonly title: string; readonly vae: CausalVae; readonly range: FrameRange },
): Promise<Reconstruction> {
  const { name, title, vae, range } = options;
  return run.phase({ name, title, unit: "clips", count: clips.length }, async (advance) => {
    const coder = compiled(vae, executor);
    try {
      return await measureReconstruction(coder, clips, { ...range, signal, onClip: advance });
    } finally {
      coder.dispose();
    }
  });
}

/** `frames` consecutive frames of any clip, from its first `from` frames. */
export function cutClip(clips: readonly Clip[], options: { frames: number; from: number }, rng: Rng): Clip {
  const clip = clips[rng.integer(clips.length)]!;
  const start = rng.integer(Math.min(clip.frames, options.from) - options.frames + 1);
  return selectFrames(
    clip,
    Array.from({ length: options.frames }, (_, index) => start + index),
  );
}

/** `count` single frames of any clips, from their first `from` frames. */
export function drawStills(clips: readonly Clip[], options: { count: number; from: number }, rng: Rng): Clip[] {
  return Array.from({ length: options.count }, (_, slot) => {
    const clip = clips[rng.integer(clips.length)]!;
    const frame = rng.integer(Math.min(clip.frames, options.from));
    return { ...selectFrames(clip, [frame]), id: `${clip.id}/${slot}` };
  });
}
