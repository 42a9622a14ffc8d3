// Latents for an estimate: made up instead of encoded, and what encoding them will take.
import type { MomentsAutoencoder } from "@noisereel/causal-vae";
import { type Clip, type Rng, type SideWork, sizeOf } from "@noisereel/core";
import { clipSha256, openLatentCache } from "@noisereel/data";
import type { LatentPosterior } from "@noisereel/diffusion";
import type { RecipeContext } from "@noisereel/trainer";
import { existsSync } from "node:fs";
import { latelyUsed } from "../run/lately-used.js";
import { posteriorOf } from "../latents/posteriors.js";
import { forEachClip } from "./clips.js";
import { cacheOptions, keptBytes, type LatentSet, piecesOf } from "./latents.js";
import type { StageOptions, StagesOptions } from "./options.js";

/** A clip of the stage and its other views. */
interface Sighted {
  readonly clip: Clip;
  readonly view: (index: number) => Promise<Clip>;
}

/**
 * Latents of the right shapes and no meaning: a step on them takes as long as one on real ones. `preparing` is what a run does to
 * have real ones: a view of a clip at a time, to be encoded when the run's folder has not got the clip's latents yet.
 */
export async function standInLatents(
  options: StagesOptions,
  { frames, height, width, stills }: StageOptions,
  given: {
    readonly coder: MomentsAutoencoder;
    /** What the autoencoder's weights are known by; undefined when they are still to be trained. */
    readonly hash: string | undefined;
    /** Whether a stage before this one has encoded the same clips. */
    readonly encodedBefore: boolean;
    readonly context: RecipeContext;
    readonly rng: Rng;
  },
): Promise<LatentSet & { readonly preparing: readonly SideWork[] }> {
  const { coder, hash, encodedBefore, context, rng } = given;
  const where = hash === undefined ? undefined : cacheOptions(options, context, hash);
  const cache = where === undefined || !existsSync(where.folder) ? undefined : await openLatentCache(where);
  const captions = new Map<string, string>();
  const groups = { known: { count: 0, first: [] as Sighted[] }, unknown: { count: 0, first: [] as Sighted[] } };
  const clips = await forEachClip(options, { frames, height, width }, (clip, view) => {
    captions.set(clip.id, clip.caption ?? "");
    const group = encodedBefore || cache?.has(clipSha256(clip)) === true ? groups.known : groups.unknown;
    if (group.count++ === 0) group.first.push({ clip, view });
  });
  const work = (
    { count, first }: typeof groups.known,
    use: (piece: Clip, signal: AbortSignal) => unknown,
  ): SideWork[] => {
    let next = 0;
    return first.map(({ clip, view }) => ({
      name: "preparing",
      times: count * options.views,
      async once({ signal }) {
        const index = next++ % options.views;
        const pieces = await piecesOf(index === 0 ? clip : await view(index), options, stills);
        for (const piece of pieces) await use(piece, signal);
      },
    }));
  };
  const piece = latelyUsed({
    load: (key) =>
      Promise.resolve(drawn(rng.fork(key), Number(key.split(" ")[0]), { height, width }, coder.latentChannels)),
    bytesOf: ({ mean }) => 2 * mean.byteLength,
    bytes: keptBytes,
  });
  return {
    ...clips,
    caption: (id) => captions.get(id)!,
    views: 1,
    async get(id) {
      const [latents, ...others] = await Promise.all(
        Array.from({ length: 1 + stills }, (_, index) =>
          piece(`${index === 0 ? (frames - 1) / 4 + 1 : 1} ${index} ${id}`),
        ),
      );
      return { id, latents: latents!, stills: others, captions: [captions.get(id)!] };
    },
    preparing: [
      ...work(groups.unknown, async (own, signal) => {
        clipSha256(own);
        await posteriorOf(own, coder, signal);
      }),
      ...work(groups.known, (own) => clipSha256(own)),
    ],
  };
}

/** `[frames, H / 8, W / 8, C]`. */
function drawn(
  rng: Rng,
  frames: number,
  { height, width }: { readonly height: number; readonly width: number },
  channels: number,
): Required<LatentPosterior> {
  const shape = [frames, height / 8, width / 8, channels] as const;
  const size = sizeOf(shape);
  return { shape, mean: rng.fork("mean").normals(size), logVariance: new Float32Array(size).fill(-5) };
}
