// The second model: a small Latte transformer and its text encoder, trained together on videos and stills, in stages.
import { createRng, type Executor, initialize } from "@noisereel/core";
import { type LatentItem, LatteT2V, mixedMasks, rectifiedFlow, textToVideoTask } from "@noisereel/diffusion";
import { smallTextEncoder } from "@noisereel/text-encoder";
import { adamW, cosine, ema, latestCheckpoint, withEma } from "@noisereel/trainer";
import type { QuickstartConfig } from "./config.js";
import { drawWithoutRepeats } from "./draw.js";
import type { RunFolder } from "./run-folder.js";
import { checkpoints, trainInPhase } from "./train-phase.js";

type Stage = QuickstartConfig["stages"][number];

export interface DenoiserStageOptions {
  readonly stage: Stage;
  /** The stage whose weights this one goes on from; left out, it starts from drawn ones. */
  readonly previous: Stage | undefined;
  readonly items: readonly LatentItem[];
  readonly latentChannels: number;
  readonly config: QuickstartConfig;
  readonly executor: Executor;
  readonly signal: AbortSignal;
}

/** Runs one stage and writes the averaged weights to `models/denoiser` and `models/text-encoder`. Returns the losses. */
export async function trainDenoiserStage(run: RunFolder, options: DenoiserStageOptions): Promise<readonly number[]> {
  const { stage, previous, items, config, executor, signal } = options;
  const rng = createRng(config.seed).fork("denoiser");
  const textEncoder = smallTextEncoder({ ...config.textEncoder, rng: rng.fork("text-weights") });
  const [first] = items;
  const [latentFrames, height, width] = first!.latents.shape;
  const denoiser = new LatteT2V({
    ...config.denoiser,
    in_channels: options.latentChannels,
    caption_channels: textEncoder.width,
    // The position tables are made for this stage's clips; the weights do not depend on them.
    sample_size: [height, width],
    video_length: latentFrames,
  });
  initialize(denoiser, rng.fork("weights"));
  const task = textToVideoTask({
    denoiser,
    trainedTextEncoder: textEncoder,
    captionDropout: config.captionDropout,
    ...(config.objective === "rectified-flow" ? { objective: rectifiedFlow() } : {}),
    ...(denoiser.controlChannels > 0 ? { controlMask: mixedMasks() } : {}),
  });
  const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: 0.01 });
  const average = ema(task.modules, { decay: config.emaDecay });
  try {
    return await trainInPhase(run, {
      name: stage.name,
      title: `Training the denoiser, ${stage.name}: ${stage.frames} frames of ${stage.width}×${stage.height}`,
      task,
      items: (_, stepRng) => drawWithoutRepeats(items, stage.batch, stepRng),
      optimizer,
      learningRate: cosine({ peak: stage.learningRate, warmUpSteps: config.warmUpSteps, totalSteps: stage.steps }),
      clipNorm: config.clipNorm,
      ema: average,
      totalSteps: stage.steps,
      saveEvery: stage.saveEvery,
      ...(previous === undefined
        ? {}
        : { startFrom: async () => (await latestCheckpoint(checkpoints(run, previous.name)))!.checkpoint }),
      rng: rng.fork(stage.name),
      executor,
      signal,
      afterwards: () =>
        withEma(average, async () => {
          await denoiser.savePretrained(run.path("models", "denoiser"));
          await textEncoder.model.savePretrained(run.path("models", "text-encoder"));
        }),
    });
  } finally {
    average.dispose();
    optimizer.dispose();
    denoiser.dispose();
    textEncoder.dispose();
  }
}
