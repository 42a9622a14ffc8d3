// Clips as latents, encoded once for each stage and kept on disk.
import { type CausalVae, compiled, type MomentsAutoencoder } from "@noisereel/causal-vae";
import { type Clip, createRng, type Executor } from "@noisereel/core";
import {
  centerCropResize,
  clipSha256,
  fileSha256,
  type LatentCache,
  makeExample,
  openLatentCache,
} from "@noisereel/data";
import type { LatentItem, LatentPosterior } from "@noisereel/diffusion";
import { posteriorOf, scalePosterior } from "../latents/posteriors.js";
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
  const scaled = async (piece: Clip) =>
    scalePosterior(await cachedPosterior(piece, encoder, cache), encoder.latentScale);
  return {
    id: clip.id,
    latents: await scaled(video),
    stills: await Promise.all(stills.map(scaled)),
    captions: [clip.caption ?? ""],
  };
}

/** From the cache, or encoded and put there. */
async function cachedPosterior(piece: Clip, encoder: MomentsAutoencoder, cache: LatentCache): Promise<LatentPosterior> {
  const content = clipSha256(piece);
  const known = await cache.get(content);
  if (known !== undefined) return known;
  const posterior = await posteriorOf(piece, encoder);
  await cache.put(content, posterior);
  return posterior;
}
