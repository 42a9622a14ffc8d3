// The first model: a small causal VAE, trained on clips and stills together.
import { CausalVae, savePretrained, tinyConfig, vaeTask } from "@noisereel/causal-vae";
import { type Clip, createRng, type Example, type Executor, initialize, type Rng } from "@noisereel/core";
import { clipToTensor, selectFrames, temporalCrop } from "@noisereel/data";
import { adamW, cosine, ema, withEma } from "@noisereel/trainer";
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
      afterwards: () => withEma(average, () => saveScaled(vae, clips, config, executor, run.path("models", "vae"))),
    });
  } finally {
    average.dispose();
    optimizer.dispose();
    vae.dispose();
  }
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

/** Lets every latent begin with this log variance. */
function setLogVariance(vae: CausalVae, value: number): void {
  const bias = [...vae.quant_conv.namedParameters()].find(([name]) => name.endsWith("bias"))![1];
  const values = bias.variable.dataSync().slice() as Float32Array;
  bias.assign(values.fill(value, values.length / 2));
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
