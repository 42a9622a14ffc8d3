// What a trained run can do, measured on the clips: reconstructions, samples, and whether a prompt gives its clip.
import type { Clip } from "@noisereel/core";
import { sideBySide, tileClips, writeVideo } from "@noisereel/data";
import { matchPrompts } from "@noisereel/metrics";
import type { TrainedRun } from "../run/trained-run.js";
import { firstFrames } from "./clips.js";
import type { QuickstartConfig } from "./config.js";
import type { ReconstructionFigures, SampleFigures } from "./report.js";
import type { RunFolder } from "./run-folder.js";

/** Pixels of a clip in the report's videos: small clips are easier to see enlarged. */
const shownHeight = 256;

/** The part of every clip that was trained on, and what the autoencoder makes of it. */
export async function reconstructClips(
  run: RunFolder,
  clips: readonly Clip[],
  trained: TrainedRun,
  config: QuickstartConfig,
  signal: AbortSignal,
): Promise<ReconstructionFigures[]> {
  const phase = { name: "reconstruction", title: "Reconstructing", unit: "clips", count: clips.length } as const;
  return run.phase(phase, async (advance) => {
    const figures: ReconstructionFigures[] = [];
    for (const whole of clips) {
      signal.throwIfAborted();
      const clip = await firstFrames(whole, trained.defaults.frames, config);
      const { original, reconstruction, psnr, ssim } = await trained.reconstruct(clip, { signal });
      const video = `reconstructions/${clip.id}.mp4`;
      const shown = await sideBySide(original, reconstruction, { height: shownHeight });
      await writeVideo(run.path(video), { ...shown, fps: config.sampling.fps }, { signal });
      figures.push({ id: clip.id, caption: clip.caption ?? "", psnr, ssim, video });
      advance(figures.length, { psnr });
    }
    return figures;
  });
}

/** One sample for each caption, compared with every clip. */
export async function sampleCaptions(
  run: RunFolder,
  clips: readonly Clip[],
  trained: TrainedRun,
  config: QuickstartConfig,
  signal: AbortSignal,
): Promise<SampleFigures[]> {
  const phase = { name: "sampling", title: "Sampling every caption", unit: "prompts", count: clips.length } as const;
  return run.phase(phase, async (advance) => {
    const samples: Clip[] = [];
    for (const { id, caption } of clips) {
      const { clip } = await trained.sample({ prompt: caption ?? "", seed: config.seed, signal });
      const shown = await tileClips([clip], { height: shownHeight, gap: 0 });
      await writeVideo(run.path(`samples/${id}.mp4`), shown, { signal });
      samples.push(clip);
      advance(samples.length);
    }
    const references = await Promise.all(clips.map((clip) => firstFrames(clip, trained.defaults.frames, config)));
    const { matrix, nearest } = matchPrompts(samples, references);
    const reel = await tileClips(samples, { height: shownHeight / 2 });
    await writeVideo(run.path("reel.mp4"), reel, { signal });
    return clips.map(({ id, caption }, index) => {
      const found = nearest[index]!;
      const correlation = matrix[index]![found]!;
      const video = `samples/${id}.mp4`;
      return {
        id,
        caption: caption ?? "",
        seed: config.seed,
        video,
        nearest: clips[found]!.id,
        correlation,
        matched: found === index,
      };
    });
  });
}
