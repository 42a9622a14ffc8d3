// From a manifest to the clips of a stage, and the reason why a clip is none.
import { type Clip, ClipError, ConfigError, createRng } from "@noisereel/core";
import { type Manifest, manifestSource, readManifest } from "@noisereel/data";
import type { DroppedItem } from "@noisereel/trainer";
import { assertCaption } from "@noisereel/text-encoder";
import path from "node:path";
import { shippedManifest } from "../quickstart/config.js";
import type { StagesOptions } from "./options.js";
import { viewOf } from "./views.js";

export interface ClipShape {
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

export interface StageClips {
  /** Trained on; the rest of the usable ones is held out. */
  readonly trained: readonly string[];
  readonly heldOut: readonly string[];
  readonly dropped: readonly DroppedItem[];
}

export function openManifest({ manifest }: StagesOptions): Promise<Manifest> {
  return readManifest(path.resolve(manifest ?? shippedManifest()));
}

/**
 * Reads every clip of the manifest once, cut to its first frames and resized, and hands the usable ones to `use` in order, with
 * a way to have other views of them.
 * A clip that is too short, cannot be read or has no caption is left out with its reason. The last `heldOut` usable clips are
 * the held-out ones.
 */
export async function forEachClip(
  options: StagesOptions,
  shape: ClipShape,
  use: (clip: Clip, view: (index: number) => Promise<Clip>) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<StageClips> {
  const manifest = await openManifest(options);
  const source = manifestSource(manifest, { verify: true });
  const needed = (shape.frames - 1) * options.sampleRate + 1;
  const rng = createRng(options.seed).fork("views");
  const usable: string[] = [];
  const dropped: DroppedItem[] = [];
  for (let index = 0; index < source.length; index++) {
    signal?.throwIfAborted();
    const entry = manifest.entries[index]!;
    try {
      const clip = await source.get(index, signal === undefined ? {} : { signal });
      assertCaption(clip.caption ?? "", "twice");
      if (clip.frames < needed) throw new ClipError(`needs ${needed} frames, has ${clip.frames}`);
      const id = path.parse(entry.path).name;
      const how = { shape, sampleRate: options.sampleRate, rng: rng.fork(id) };
      const view = async (index: number): Promise<Clip> => ({ ...(await viewOf(clip, { ...how, index })), id });
      await use(await view(0), view);
      usable.push(id);
    } catch (error) {
      // A clip that cannot be used is left out and said so; anything else is a fault of ours.
      if (!ClipError.isInstance(error) && !ConfigError.isInstance(error)) throw error;
      dropped.push({ id: entry.id, reason: (error as Error).message });
    }
  }
  const trained = usable.length - options.heldOut;
  if (trained < 1) {
    throw new ConfigError(
      `${manifest.path} has ${usable.length} usable clips of ${manifest.entries.length} and heldOut is ${options.heldOut}, so none is left to train on${dropped.length === 0 ? "" : ` (first reason: ${dropped[0]!.reason})`}`,
    );
  }
  return { trained: usable.slice(0, trained), heldOut: usable.slice(trained), dropped };
}
