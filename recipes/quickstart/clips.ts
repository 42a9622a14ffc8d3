// From a manifest to clips of one size in memory.
import { type Clip, ClipError, ConfigError, createRng } from "@noisereel/core";
import { centerCropResize, type Manifest, manifestSource, temporalCrop } from "@noisereel/data";
import { assertCaption } from "@noisereel/text-encoder";
import path from "node:path";
import type { QuickstartConfig } from "./config.js";
import type { RunFolder } from "./run-folder.js";

/** Every clip of the manifest, centre-cropped and resized to the run's size, with all its frames and its caption. */
export async function loadClips(
  run: RunFolder,
  manifest: Manifest,
  config: QuickstartConfig,
  signal: AbortSignal,
): Promise<readonly Clip[]> {
  const source = manifestSource(manifest, { verify: true });
  const resize = centerCropResize({ height: config.height, width: config.width });
  const rng = createRng(config.seed);
  const clips: Clip[] = [];
  const phase = { name: "clips", title: "Reading clips", unit: "clips", count: source.length } as const;
  await run.repeat(phase, async (advance) => {
    for (let index = 0; index < source.length; index++) {
      signal.throwIfAborted();
      const entry = manifest.entries[index]!;
      try {
        const clip = await source.get(index, { signal });
        assertCaption(clip.caption ?? "", "twice");
        clips.push({ ...(await resize(clip, rng)), id: path.parse(entry.path).name });
      } catch (error) {
        // A clip that cannot be used is left out, and said so; anything else is a fault of ours.
        if (!ClipError.isInstance(error) && !ConfigError.isInstance(error)) throw error;
        run.note(`clip ${entry.id} (line ${entry.line}) is left out: ${(error as Error).message}`);
      }
      advance(index + 1);
    }
  });
  if (clips.length === 0) throw new ConfigError(`${manifest.path} has no usable clip; see the notes for the reasons`);
  return clips;
}

/** The part of each clip that the denoiser learns and that reconstructions are measured on: its first frames. */
export async function firstFrames(clip: Clip, frames: number, config: QuickstartConfig): Promise<Clip> {
  const crop = temporalCrop({ frames, sampleRate: config.sampleRate, position: "start" });
  return crop(clip, createRng(config.seed));
}
