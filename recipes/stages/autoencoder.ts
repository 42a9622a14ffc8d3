// The stage before the stages: a small causal VAE, for those who bring none.
import { CausalVae, compiled, type MomentsAutoencoder, tiled, tinyConfig, vaeTask } from "@noisereel/causal-vae";
import { type Clip, createRng, type Example, initialize, type Rng } from "@noisereel/core";
import { fileSha256, selectFrames, temporalCrop } from "@noisereel/data";
import { adamW, cosine, ema, heldOutPlugin, type RecipeContext, type Stage, stage, withEma } from "@noisereel/trainer";
import { existsSync } from "node:fs";
import path from "node:path";
import { saveScaled, setLogVariance } from "../latents/scale.js";
import { drawWithoutRepeats } from "../quickstart/draw.js";
import { forEachClip } from "./clips.js";
import type { StagesOptions } from "./options.js";
import { finishing } from "./scratch.js";

/** Where the autoencoder of a run lies: the one it was given, or its own. */
export function autoencoderFolder({ autoencoder }: StagesOptions, context: RecipeContext): string {
  return autoencoder.pretrained ?? path.join(context.folder, "models", "autoencoder");
}

/** The autoencoder as the later stages use it, and what its weights are known by. */
export async function openAutoencoder(
  options: StagesOptions,
  context: RecipeContext,
  dry: boolean,
): Promise<{ readonly vae: CausalVae; readonly coder: MomentsAutoencoder; readonly hash: string | undefined }> {
  const folder = autoencoderFolder(options, context);
  const wrap = (vae: CausalVae): MomentsAutoencoder => {
    const coder = compiled(vae, context.executor);
    return options.autoencoder.tiled ? tiled(coder) : coder;
  };
  if (dry && options.autoencoder.pretrained === null && !existsSync(folder)) {
    const vae = new CausalVae(vaeConfig(options));
    return { vae, coder: wrap(vae), hash: undefined };
  }
  const vae = await CausalVae.fromPretrained(folder);
  return { vae, coder: wrap(vae), hash: await fileSha256(path.join(folder, "diffusion_pytorch_model.safetensors")) };
}

function vaeConfig({ autoencoder }: StagesOptions) {
  return tinyConfig({ hidden_size: autoencoder.hidden_size, hidden_size_mult: [1, 2, 4, 4], num_res_blocks: 1 });
}

/** Trains the autoencoder on clips and stills and writes its averaged weights to `models/autoencoder`. */
export function autoencoderStage(options: StagesOptions, context: RecipeContext): Stage {
  const { frames, size, stills, batch, steps, learningRate, klWeight, emaDecay } = options.autoencoder;
  const folder = autoencoderFolder(options, context);
  return stage({
    name: "autoencoder",
    complete: () => existsSync(path.join(folder, "config.json")),
    async open({ signal, trackers }) {
      const rng = createRng(options.seed).fork("autoencoder");
      const vae = new CausalVae(vaeConfig(options));
      initialize(vae, rng.fork("weights"));
      // The decoder learns from what it is told and not from noise.
      setLogVariance(vae, -5);
      const clips = new Map<string, Clip>();
      const shape = { frames: 4 * frames - 3, height: size, width: size };
      const used = await forEachClip(options, shape, (clip) => void clips.set(clip.id, clip), signal);
      const trained = used.trained.map((id) => clips.get(id)!);
      const task = vaeTask({ vae, klWeight, reduction: "mean" });
      const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: 0 });
      const average = ema(task.modules, { decay: emaDecay });
      const measured = used.heldOut.map((id) => clips.get(id)!).map((clip) => firstFrames(clip, frames));
      const writeScaled = (to: string): Promise<void> =>
        withEma(average, () =>
          saveScaled({
            vae,
            clips: trained,
            first: (clip) => firstFrames(clip, frames).video,
            executor: context.executor,
            folder: to,
          }),
        );
      return {
        task,
        items: (_, stepRng) =>
          Promise.all(
            // The first clip is that of a step of one.
            Array.from({ length: batch }, (_example, index) =>
              drawExample(trained, options, index === 0 ? stepRng : stepRng.fork(`example-${index}`)),
            ),
          ),
        optimizer,
        learningRate: cosine({
          peak: learningRate,
          warmUpSteps: Math.min(30, Math.floor(steps / 4)),
          totalSteps: steps,
        }),
        clipNorm: options.clipNorm,
        ema: average,
        totalSteps: steps,
        saveEvery: Math.min(options.saveEvery, steps),
        rng: rng.fork("run"),
        executor: context.executor,
        plugins:
          measured.length === 0
            ? []
            : [
                heldOutPlugin({
                  task,
                  batches: [measured],
                  rng: rng.fork("held-out"),
                  steps: options.measureEvery,
                  executor: context.executor,
                  trackers,
                }),
              ],
        facts: {
          video: `${frames} frames of ${size}×${size}`,
          stills,
          batch,
          "clips trained": trained.length,
          "clips held out": measured.length,
        },
        dropped: used.dropped,
        sideWork: [finishing(writeScaled)],
        finish: () => writeScaled(folder),
        dispose() {
          average.dispose();
          optimizer.dispose();
          vae.dispose();
        },
      };
    },
  });
}

const firstFrames = (clip: Clip, frames: number): Example => ({
  video: selectFrames(
    clip,
    Array.from({ length: frames }, (_, index) => index),
  ),
  stills: [],
});

/** A random clip, cut at a random place, and stills from anywhere in as many clips as there are. */
async function drawExample(clips: readonly Clip[], { autoencoder }: StagesOptions, rng: Rng): Promise<Example> {
  const crop = temporalCrop({ frames: autoencoder.frames, sampleRate: 1, position: "random" });
  const stills = drawWithoutRepeats(clips, autoencoder.stills, rng.fork("stills")).map((clip, slot) =>
    selectFrames(clip, [rng.fork(`still-${slot}`).integer(clip.frames)]),
  );
  return { video: await crop(clips[rng.integer(clips.length)]!, rng.fork("crop")), stills };
}
