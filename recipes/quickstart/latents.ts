// Clips as latents, encoded once for each stage and kept on disk.
import { type CausalVae, compiled, type MomentsAutoencoder } from "@noisereel/causal-vae";
import { type Clip, createRng, type Executor, sizeOf } from "@noisereel/core";
import {
  centerCropResize,
  clipSha256,
  clipToTensor,
  fileSha256,
  type LatentCache,
  makeExample,
  openLatentCache,
} from "@noisereel/data";
import type { LatentItem, LatentPosterior } from "@noisereel/diffusion";
import { firstFrames } from "./clips.js";
import type { QuickstartConfig } from "./config.js";
import type { RunFolder } from "./run-folder.js";

type Stage = QuickstartConfig["stages"][number];

/** What each stage trains on: the posterior of every clip and of its stills. */
export async function encodeClips(
  run: RunFolder,
  clips: readonly Clip[],
  vae: CausalVae,
  config: QuickstartConfig,
  executor: Executor,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly LatentItem[]>> {
  const encoder = compiled(vae, executor);
  const cache = await openLatentCache({
    folder: run.path("latents"),
    encoder: await fileSha256(run.path("models", "vae", "diffusion_pytorch_model.safetensors")),
    transform: {},
  });
  const items = new Map<string, LatentItem[]>();
  const phase = {
    name: "latents",
    title: "Encoding latents",
    unit: "clips",
    count: clips.length * config.stages.length,
  } as const;
  await run.repeat(phase, async (advance) => {
    let done = 0;
    for (const stage of config.stages) {
      const ofStage: LatentItem[] = [];
      for (const clip of clips) {
        signal.throwIfAborted();
        ofStage.push(await encodeClip(clip, stage, encoder, cache, config));
        advance(++done);
      }
      items.set(stage.name, ofStage);
    }
    await cache.flush();
  });
  encoder.dispose();
  return items;
}

async function encodeClip(
  clip: Clip,
  stage: Stage,
  encoder: MomentsAutoencoder,
  cache: LatentCache,
  config: QuickstartConfig,
): Promise<LatentItem> {
  const rng = createRng(config.seed);
  const resize = centerCropResize({ height: stage.height, width: stage.width });
  const video = await resize(await firstFrames(clip, stage.frames, config), rng);
  const { stills } = await makeExample(video, rng, { stills: { source: "clip-frames", count: stage.stills } });
  const scaled = async (piece: Clip) => scalePosterior(await posteriorOf(piece, encoder, cache), encoder.latentScale);
  return {
    id: clip.id,
    latents: await scaled(video),
    stills: await Promise.all(stills.map(scaled)),
    captions: [clip.caption ?? ""],
  };
}

/** From the cache, or encoded and put there. */
async function posteriorOf(
  piece: Clip,
  encoder: MomentsAutoencoder,
  cache: LatentCache,
): Promise<Required<LatentPosterior>> {
  const content = clipSha256(piece);
  const known = await cache.get(content);
  if (known !== undefined) return known;
  const video = clipToTensor(piece);
  const moments = await encoder.moments(video);
  const posterior = splitMoments((await moments.data()) as Float32Array, moments.shape.slice(1));
  video.dispose();
  moments.dispose();
  await cache.put(content, posterior);
  return posterior;
}

/** `[T, H, W, 2C]`, mean before log variance in each pixel. */
function splitMoments(moments: Float32Array, shape: readonly number[]): Required<LatentPosterior> {
  const channels = shape[3]! / 2;
  const half = [...shape.slice(0, 3), channels] as [number, number, number, number];
  const mean = new Float32Array(sizeOf(half));
  const logVariance = new Float32Array(sizeOf(half));
  for (let i = 0; i < mean.length; i++) {
    const pixel = Math.floor(i / channels) * 2 * channels;
    mean[i] = moments[pixel + (i % channels)]!;
    logVariance[i] = moments[pixel + channels + (i % channels)]!;
  }
  return { shape: half, mean, logVariance };
}

/** The posterior of `scale` times the latents. */
function scalePosterior({ shape, mean, logVariance }: Required<LatentPosterior>, scale: number): LatentPosterior {
  const shift = 2 * Math.log(scale);
  return { shape, mean: mean.map((value) => value * scale), logVariance: logVariance.map((value) => value + shift) };
}
