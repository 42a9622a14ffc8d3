// The first model: a small causal VAE, trained on clips and stills together.
import { CausalVae, savePretrained, tinyConfig, vaeTask } from "@noisereel/causal-vae";
import { type Clip, createRng, type Example, type Executor, initialize, type Rng } from "@noisereel/core";
import { clipToTensor, makeExample, temporalCrop } from "@noisereel/data";
import { adamW, cosine, ema, withEma } from "@noisereel/trainer";
import { firstFrames } from "./clips.js";
import type { QuickstartConfig } from "./config.js";
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
  const { steps, learningRate, warmUpSteps, klWeight, emaDecay, saveEvery, model } = config.autoencoder;
  const rng = createRng(config.seed).fork("autoencoder");
  const vae = new CausalVae(tinyConfig({ ...model, hidden_size_mult: [...model.hidden_size_mult] }));
  initialize(vae, rng.fork("weights"));
  const task = vaeTask({ vae, klWeight, reduction: "mean" });
  const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: 0 });
  const average = ema(task.modules, { decay: emaDecay });
  try {
    return await trainInPhase(run, {
      name: "autoencoder",
      title: "Training the autoencoder",
      task,
      items: (_, stepRng) => drawExamples(clips, config, stepRng),
      optimizer,
      learningRate: cosine({ peak: learningRate, warmUpSteps, totalSteps: steps }),
      clipNorm: config.clipNorm,
      ema: average,
      totalSteps: steps,
      saveEvery,
      rng,
      executor,
      signal,
      afterwards: () => withEma(average, () => saveScaled(vae, clips, config, executor, run.path("models", "vae"))),
    });
  } finally {
    average.dispose();
    optimizer.dispose();
    vae.dispose();
  }
}

/** Random clips, each cut at a random place, with stills from anywhere in it. */
function drawExamples(clips: readonly Clip[], config: QuickstartConfig, rng: Rng): Promise<Example[]> {
  const { batch, frames, stills } = config.autoencoder;
  const crop = temporalCrop({ frames, sampleRate: config.sampleRate, position: "random" });
  return Promise.all(
    Array.from({ length: batch }, async (_, slot) => {
      const draw = rng.fork(String(slot));
      const whole = clips[draw.integer(clips.length)]!;
      const { stills: images } = await makeExample(whole, draw.fork("stills"), {
        stills: { source: "clip-frames", count: stills, policy: "random" },
      });
      return { video: await crop(whole, draw.fork("crop")), stills: images };
    }),
  );
}

/** Writes the model with the scale that gives its latents of these clips a standard deviation of 1. */
async function saveScaled(
  vae: CausalVae,
  clips: readonly Clip[],
  config: QuickstartConfig,
  executor: Executor,
  folder: string,
): Promise<void> {
  const encoder = executor.compile(({ video }) => ({ mean: vae.posterior(vae.moments(video as never)).mean }), {
    name: "latent scale",
  });
  let sum = 0;
  let squares = 0;
  let count = 0;
  for (const clip of clips) {
    const video = clipToTensor(await firstFrames(clip, config.stages.at(-1)!.frames, config));
    const { mean } = await encoder.run({ video });
    for (const value of await mean!.data()) {
      sum += value;
      squares += value * value;
      count++;
    }
    mean!.dispose();
    video.dispose();
  }
  encoder.dispose();
  const deviation = Math.sqrt(squares / count - (sum / count) ** 2);
  const scaled = new CausalVae({ ...vae.config, latent_scale: 1 / deviation });
  try {
    scaled.loadStateDict(await vae.stateDict());
    await savePretrained(scaled, folder);
  } finally {
    scaled.dispose();
  }
}
