// One stage of the denoiser: a shape, its data, and the weights of the stage before.
import { type Clip, createRng, initialize, type Rng, type TrainerPlugin, type TrainTask } from "@noisereel/core";
import { tensorToClip } from "@noisereel/data";
import {
  ddim,
  denoiserNetwork,
  generateVideo,
  iddpm,
  type LatentItem,
  LatteT2V,
  type Objective,
  textToVideoTask,
} from "@noisereel/diffusion";
import {
  adamW,
  cosine,
  ema,
  type Ema,
  heldOutPlugin,
  type OpenOptions,
  type RecipeContext,
  samplesPlugin,
  type Stage,
  stage,
  withEma,
} from "@noisereel/trainer";
import { existsSync } from "node:fs";
import path from "node:path";
import { drawWithoutRepeats } from "../quickstart/draw.js";
import { openAutoencoder } from "./autoencoder.js";
import { encodeStage, type LatentSet } from "./latents.js";
import type { StageOptions, StagesOptions } from "./options.js";
import { finishing } from "./scratch.js";
import { standInLatents } from "./stand-in.js";
import { openText, type StageText } from "./text.js";

/** Of each held-out clip and timestep. */
const noiseDraws = 2;

export interface DenoiserStageOptions {
  readonly name: string;
  readonly from: string | undefined;
  readonly shape: StageOptions;
  /** The stage with stills that this one without is to be compared with. */
  readonly jointStage?: string | undefined;
  readonly options: StagesOptions;
  readonly context: RecipeContext;
}

export function denoiserStage({ name, from, shape, jointStage, options, context }: DenoiserStageOptions): Stage {
  const folder = path.join(context.folder, "models", name);
  return stage<LatentItem>({
    name,
    from,
    recomputeOption: "denoiser.recompute",
    complete: () => existsSync(path.join(folder, "denoiser", "config.json")),
    async open(open) {
      const rng = createRng(options.seed).fork("denoiser");
      const { vae, coder, hash } = await openAutoencoder(options, context, open.dry);
      const standIn =
        open.dry || hash === undefined
          ? await standInLatents(options, shape, {
              coder,
              hash,
              encodedBefore: jointStage !== undefined,
              context,
              rng: rng.fork("stand-in"),
            })
          : undefined;
      const latents =
        standIn ?? (await encodeStage(options, shape, { coder, hash: hash!, context, signal: open.signal }));
      const text = await openText(options, context);
      const denoiser = openDenoiser(options, shape, coder.latentChannels, text.width);
      initialize(denoiser, rng.fork("weights"));
      const { task, atTimestep } = makeTasks(denoiser, text, options);
      const optimizer = adamW({ betas: [0.9, 0.99], weightDecay: options.weightDecay });
      const average = ema(task.modules, { decay: options.emaDecay });
      const writeModels = (to: string): Promise<void> =>
        withEma(average, async () => {
          await text.trained?.savePretrained(path.join(to, "text-encoder"));
          await denoiser.savePretrained(path.join(to, "denoiser")); // last: it says that the folder is whole
        });
      const samples = samplePlugin({ denoiser, coder, text, average, latents, shape, options, context, open });
      const measured = await Promise.all(latents.heldOut.map((id) => latents.get(id)));
      return {
        task,
        items: (_, stepRng) => drawItems(latents, shape.batch, stepRng),
        optimizer,
        learningRate: cosine({
          peak: shape.learningRate,
          warmUpSteps: Math.min(options.warmUpSteps, Math.floor(shape.steps / 4)),
          totalSteps: shape.steps,
        }),
        clipNorm: options.clipNorm,
        accumulate: shape.accumulate ?? undefined,
        ema: average,
        // What is measured, sampled and kept is the average, so that is also what the next stage goes on from.
        startWith: "ema",
        totalSteps: shape.steps,
        saveEvery: Math.min(options.saveEvery, shape.steps),
        rng: rng.fork(name),
        executor: context.executor,
        plugins: [
          ...(measured.length === 0
            ? []
            : [
                heldOutPlugin({
                  task,
                  // Without stills, so that the figure means the same in every stage.
                  batches: Array.from({ length: noiseDraws }, () => measured.map((item) => ({ ...item, stills: [] }))),
                  variants: Object.fromEntries(options.timesteps.map((t) => [`t${t}`, atTimestep(t)])),
                  rng: createRng(options.seed).fork("held-out"),
                  steps: options.measureEvery,
                  ema: average,
                  executor: context.executor,
                  trackers: open.trackers,
                }),
              ]),
          ...(samples === undefined ? [] : [samples.plugin]),
        ],
        facts: {
          video: `${shape.frames} frames of ${shape.width}×${shape.height}`,
          latents: `${(shape.frames - 1) / 4 + 1}×${shape.height / 8}×${shape.width / 8}×${coder.latentChannels}`,
          stills: shape.stills,
          batch: shape.batch,
          steps: shape.steps,
          "latent frames trained": shape.steps * shape.batch * ((shape.frames - 1) / 4 + 1 + shape.stills),
          "starts from": from ?? "drawn weights",
          "clips trained": latents.trained.length,
          "clips held out": latents.heldOut.length,
        },
        compare:
          jointStage === undefined
            ? undefined
            : { stage: jointStage, title: "Trained with stills and on videos only, for as many latent frames" },
        dropped: latents.dropped,
        sideWork: [...(standIn?.preparing ?? []), finishing(writeModels)],
        finish: () => writeModels(folder),
        dispose() {
          samples?.dispose();
          average.dispose();
          optimizer.dispose();
          denoiser.dispose();
          text.encoder.dispose();
          coder.dispose();
          vae.dispose();
        },
      };
    },
  });
}

/** The position tables are made for this stage's clips; the weights do not depend on them. */
function openDenoiser(
  options: StagesOptions,
  shape: StageOptions,
  latentChannels: number,
  textWidth: number,
): LatteT2V {
  const { learned_variance: learnsVariance, recompute, ...model } = options.denoiser;
  const config = {
    ...model,
    in_channels: latentChannels,
    out_channels: learnsVariance ? 2 * latentChannels : latentChannels,
    caption_channels: textWidth,
    sample_size: [shape.height / 8, shape.width / 8] satisfies [number, number],
    video_length: (shape.frames - 1) / 4 + 1,
  };
  return new LatteT2V(config, { recompute });
}

/** The task, and its batches with every item at one timestep. */
function makeTasks(denoiser: LatteT2V, text: StageText, options: StagesOptions) {
  const objective = iddpm({
    predicts: denoiser.predicts,
    variance: denoiser.learnsVariance ? "learned-range" : "fixed-small",
  });
  const make = (own: Objective, captionDropout: number): TrainTask<LatentItem> =>
    textToVideoTask({ denoiser, objective: own, captionDropout, ...text.forTask });
  return {
    task: make(objective, options.captionDropout),
    atTimestep: (timestep: number): TrainTask<LatentItem>["prepare"] => {
      const drawTimesteps: Objective["drawTimesteps"] = (count) => ({
        timesteps: new Float32Array(count).fill(timestep),
        weights: new Float32Array(count).fill(1),
      });
      return (items, given) => make({ ...objective, drawTimesteps }, 0).prepare(items, given);
    },
  };
}

async function drawItems(latents: LatentSet, count: number, rng: Rng): Promise<LatentItem[]> {
  const ids = drawWithoutRepeats(latents.trained, count, rng.fork("clips"));
  const views = rng.fork("views");
  return Promise.all(ids.map((id) => latents.get(id, views.integer(latents.views))));
}

/** Samples of the first captions, or undefined when none are wanted. */
function samplePlugin(given: {
  readonly denoiser: LatteT2V;
  readonly coder: Awaited<ReturnType<typeof openAutoencoder>>["coder"];
  readonly text: StageText;
  readonly average: Ema;
  readonly latents: LatentSet;
  readonly shape: StageOptions;
  readonly options: StagesOptions;
  readonly context: RecipeContext;
  readonly open: OpenOptions;
}): { readonly plugin: TrainerPlugin; dispose(): void } | undefined {
  const { denoiser, coder, text, average, latents, shape, options, context, open } = given;
  const { prompts: count, steps, guidanceScale, fps } = options.sampling;
  const prompts = latents.trained.slice(0, count).map((id) => latents.caption(id));
  if (prompts.length === 0) return undefined;
  const network = denoiserNetwork(denoiser, context.executor);
  const { frames, height, width } = shape;
  const sample = async (request: {
    readonly prompt: string;
    readonly seed: number;
    readonly signal: AbortSignal;
  }): Promise<Clip> => {
    const { video, latents: made } = await generateVideo({
      denoiser: network,
      vae: coder,
      textEncoder: text.encoder,
      sampler: ddim(),
      steps,
      guidanceScale,
      frames,
      height,
      width,
      ...request,
    });
    made.dispose();
    try {
      return await tensorToClip(video, { id: `seed-${request.seed}`, fps, caption: request.prompt });
    } finally {
      video.dispose();
    }
  };
  const plugin = samplesPlugin({
    prompts,
    seed: options.seed,
    steps: options.sampleEvery,
    ema: average,
    trackers: open.trackers,
    sample,
  });
  return { plugin, dispose: () => network.dispose() };
}
