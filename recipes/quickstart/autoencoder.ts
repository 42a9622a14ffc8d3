// The first model: a small causal VAE, trained on clips and stills together.
import { CausalVae, tinyConfig, vaeTask } from "@noisereel/causal-vae";
import { type Clip, createRng, type Example, type Executor, initialize, type Rng } from "@noisereel/core";
import { makeExample, temporalCrop } from "@noisereel/data";
import { adamW, cosine, ema, folderStore, withEma } from "@noisereel/trainer";
import type { QuickstartConfig } from "./config.js";
import type { RunFolder } from "./run-folder.js";
import { trainInPhase } from "./train-phase.js";

/** Trains the autoencoder, or goes on where an interrupted run stopped, and leaves its averaged weights in `models/vae`. */
export async function trainAutoencoder(
  run: RunFolder,
  clips: readonly Clip[],
  config: QuickstartConfig,
  executor: Executor,
  signal: AbortSignal,
): Promise<void> {
  const { autoencoder, seed } = config;
  const rng = createRng(seed).fork("autoencoder");
  const vae = new CausalVae(tinyConfig({ ...autoencoder.model, hidden_size_mult: [...autoencoder.model.hidden_size_mult] }));
  initialize(vae, rng.fork("weights"));
  const task = vaeTask({ vae, klWeight: autoencoder.klWeight, reduction: "mean" });
  const average = ema(task.modules, { decay: autoencoder.emaDecay });
  await trainInPhase(run, {
    name: "autoencoder",
    title: "Training the autoencoder",
    task,
    items: (_, stepRng) => drawExamples(clips, config, stepRng),
    learningRate: cosine({ peak: autoencoder.learningRate, warmUpSteps: autoencoder.warmUpSteps, totalSteps: autoencoder.steps }),
    optimizer: adamW({ betas: [0.9, 0.99], weightDecay: 0 }),
    clipNorm: config.clipNorm,
    ema: average,
    totalSteps: autoencoder.steps,
    saveEvery: autoencoder.saveEvery,
    store: folderStore(run.path("checkpoints", "autoencoder"), { keep: 2 }),
    rng,
    executor,
    signal,
    afterwards: () => withEma(average, () => vae.savePretrained(run.path("models", "vae"))),
  });
  average.dispose();
  vae.dispose();
}

/** Random clips, each cut at a random place, with stills drawn from the whole of it. */
function drawExamples(clips: readonly Clip[], config: QuickstartConfig, rng: Rng): Promise<Example[]> {
  const { batch, frames, stills } = config.autoencoder;
  const crop = temporalCrop({ frames, sampleRate: config.sampleRate, position: "random" });
  return Promise.all(
    Array.from({ length: batch }, async (_, slot) => {
      const draw = rng.fork(String(slot));
      const whole = clips[draw.integer(clips.length)]!;
      const example = await makeExample(whole, draw.fork("stills"), {
        stills: { source: "clip-frames", count: stills, policy: "random" },
      });
      return { video: await crop(whole, draw.fork("crop")), stills: example.stills };
    }),
  );
}
