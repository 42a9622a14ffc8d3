// What a stage of the denoiser trains on: the posteriors of its clips and stills, encoded once and kept on disk.
import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import { type Clip, createRng } from "@noisereel/core";
import { clipSha256, type LatentCacheOptions, makeExample, openLatentCache } from "@noisereel/data";
import type { LatentItem, LatentPosterior } from "@noisereel/diffusion";
import type { RecipeContext } from "@noisereel/trainer";
import path from "node:path";
import { latelyUsed } from "../run/lately-used.js";
import { posteriorOf, scalePosterior } from "../latents/posteriors.js";
import { forEachClip, type StageClips } from "./clips.js";
import type { StageOptions, StagesOptions } from "./options.js";

/** Latents that stay in memory, read before the first step as far as they fit: reading them later would be a tenth of a short step. */
export const keptBytes = 256 * 2 ** 20;

export interface LatentSet extends StageClips {
  /** The caption of a clip. */
  caption(id: string): string;
  /** Of each clip that is trained on; view 0 is the plain one. */
  readonly views: number;
  /** The latents of a clip, scaled for the denoiser. Read from the disk, or kept from the last time. */
  get(id: string, view?: number): Promise<LatentItem>;
}

/** Where a run keeps its latents, and what they are known by. */
export function cacheOptions(options: StagesOptions, context: RecipeContext, hash: string): LatentCacheOptions {
  const transform = { tiled: options.autoencoder.tiled };
  return { folder: path.join(context.folder, "latents"), encoder: hash, transform };
}

/** What is encoded of a clip: itself and stills of it. */
export async function piecesOf(clip: Clip, { seed }: StagesOptions, stills: number): Promise<readonly Clip[]> {
  const example = await makeExample(clip, createRng(seed), { stills: { source: "clip-frames", count: stills } });
  return [clip, ...example.stills];
}

/** Encodes the clips of a stage, those that the cache does not know. */
export async function encodeStage(
  options: StagesOptions,
  { frames, height, width, stills: count }: StageOptions,
  given: {
    readonly coder: MomentsAutoencoder;
    /** What the autoencoder's weights are known by. */
    readonly hash: string;
    readonly context: RecipeContext;
    readonly signal: AbortSignal;
  },
): Promise<LatentSet> {
  const { coder, hash, context, signal } = given;
  const { views } = options;
  const cache = await openLatentCache(cacheOptions(options, context, hash));
  const known = new Map<string, { readonly caption: string; readonly keys: readonly (readonly string[])[] }>();
  let encoded = 0;
  const encodeView = async (clip: Clip): Promise<readonly string[]> => {
    const keys: string[] = [];
    for (const piece of await piecesOf(clip, options, count)) {
      const key = clipSha256(piece);
      keys.push(key);
      if (cache.has(key)) continue;
      await cache.put(key, await posteriorOf(piece, coder, signal));
      encoded++;
    }
    return keys;
  };
  const encode = async (clip: Clip, view: (index: number) => Promise<Clip>): Promise<void> => {
    const keys = [await encodeView(clip)];
    while (keys.length < views) keys.push(await encodeView(await view(keys.length)));
    known.set(clip.id, { caption: clip.caption ?? "", keys });
  };
  const clips = await forEachClip(options, { frames, height, width }, encode, signal);
  await cache.flush();
  context.note(
    `latents of ${known.size} clips (${views} views) of ${frames}×${height}×${width}: ${encoded} pieces encoded, the rest known`,
  );
  const piece = latelyUsed({
    load: async (key) => scalePosterior((await cache.get(key))!, coder.latentScale),
    bytesOf,
    bytes: keptBytes,
  });
  let bytes = 0;
  for (const key of [...known.values()].flatMap((clip) => clip.keys.flat())) {
    signal.throwIfAborted();
    bytes += bytesOf(await piece(key));
    if (bytes > keptBytes) break;
  }
  return {
    ...clips,
    caption: (id) => known.get(id)!.caption,
    views,
    async get(id, view = 0) {
      const { caption, keys } = known.get(id)!;
      const [latents, ...stills] = await Promise.all(keys[view]!.map(piece));
      return { id, latents: latents!, stills, captions: [caption] };
    },
  };
}

const bytesOf = ({ mean, logVariance }: LatentPosterior): number => mean.byteLength + (logVariance?.byteLength ?? 0);
