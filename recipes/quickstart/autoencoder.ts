// The first model: a small causal VAE, trained on clips and stills together.
import { CausalVae, tinyConfig, vaeTask } from "@noisereel/causal-vae";
import { type Clip, ConfigError, createRng, type Example, type Executor, initialize, type Rng } from "@noisereel/core";
import { selectFrames, temporalCrop } from "@noisereel/data";
import { adamW, cosine, ema, withEma } from "@noisereel/trainer";
import { cp } from "node:fs/promises";
import path from "node:path";
import { saveScaled, setLogVariance } from "../latents/scale.js";
import { firstFrames } from "./clips.js";
import type { QuickstartConfig } from "./config.js";
import { drawWithoutRepeats } from "./draw.js";
import type { RunFolder } from "./run-folder.js";
import { trainInPhase } from "./train-phase.js";

/** Trains the autoencoder and writes its averaged weights to `models/vae`. Returns the loss of every step. */
export async function trainAutoencoder(
  run: RunFolder,
  clips: readonly Clip[],
  config: QuickstartConfig,
  executor: Executor,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const { steps, learningRate, warmUpSteps, klWeight, emaDecay, saveEvery, logVariance, model } = config.autoencoder;
  const rng = createRng(config.seed).fork("autoencoder");
  const vae = new CausalVae(tinyConfig({ ...model, hidden_size_mult: [...model.hidden_size_mult] }));
  initialize(vae, rng.fork("weights"));
  setLogVariance(vae, logVariance);
  const task = vaeTask({ vae, klWeight, reduction: "mean" });
  const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: 0 });
  const average = ema(task.modules, { decay: emaDecay });
  try {
    return await trainInPhase(run, {
      name: "autoencoder",
      title: "Training the autoencoder",
      task,
      items: async (_, stepRng) => [await drawExample(clips, config, stepRng)],
      optimizer,
      learningRate: cosine({ peak: learningRate, warmUpSteps, totalSteps: steps }),
      clipNorm: config.clipNorm,
      ema: average,
      totalSteps: steps,
      saveEvery,
      rng,
      executor,
      signal,
      afterwards: () =>
        withEma(average, () =>
          saveScaled({
            vae,
            clips,
            first: (clip) => firstFrames(clip, config.stages.at(-1)!.frames, config),
            executor,
            folder: run.path("models", "vae"),
          }),
        ),
    });
  } finally {
    average.dispose();
    optimizer.dispose();
    vae.dispose();
  }
}

/** Takes the autoencoder of a finished run instead. */
export async function copyAutoencoder(run: RunFolder, folder: string): Promise<void> {
  const from = path.join(folder, "models", "vae");
  await cp(from, run.path("models", "vae"), { recursive: true }).catch((cause: unknown) => {
    throw new ConfigError(`${folder} holds no trained autoencoder; make one with "npm run quickstart"`, { cause });
  });
}

/** A random clip, cut at a random place, and stills from anywhere in as many clips as there are. */
async function drawExample(clips: readonly Clip[], config: QuickstartConfig, rng: Rng): Promise<Example> {
  const { frames, stills: count } = config.autoencoder;
  const crop = temporalCrop({ frames, sampleRate: config.sampleRate, position: "random" });
  const stills = drawWithoutRepeats(clips, count, rng.fork("stills")).map((clip, slot) => {
    const frame = rng.fork(`still-${slot}`).integer(clip.frames);
    return { ...selectFrames(clip, [frame]), id: `${clip.id}/${frame}` };
  });
  return { video: await crop(clips[rng.integer(clips.length)]!, rng.fork("crop")), stills };
}
