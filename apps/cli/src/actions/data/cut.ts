// Cuts videos and lists their clips.
import { writeFileAtomically } from "@noisereel/core/node";
import {
  colourLayoutEmbedding,
  cutEntries,
  cutVideo,
  type ManifestEntry,
  scorePlot,
  writeClips,
  writeManifest,
} from "@noisereel/data";
import path from "node:path";
import type { CommandContext } from "../../context.js";
import { formatSeconds } from "../../format.js";
import { withProgress } from "./progress.js";

export interface CutArguments {
  readonly out: string;
  readonly detector: "content" | "adaptive";
  readonly threshold?: number;
  readonly minFrames?: number;
  readonly seconds?: number;
  readonly whole?: true;
  readonly stitch?: true;
  readonly width?: number;
  readonly files?: string;
  readonly plots?: string;
}

export async function cut(videos: readonly string[], options: CutArguments, context: CommandContext): Promise<void> {
  const { out, detector, threshold, minFrames, seconds, whole, stitch, width, files, plots } = options;
  const { terminal } = context;
  const entries: ManifestEntry[] = [];
  const lines: string[] = [];
  await withProgress(
    context,
    { title: "Cutting videos", count: videos.length, stopped: `Stopped; ${out} was not written.` },
    async ({ signal, onProgress }) => {
      for (const [index, file] of videos.entries()) {
        const found = await cutVideo(file, {
          detector,
          ...(threshold === undefined ? {} : { threshold }),
          ...(minFrames === undefined ? {} : { minSceneFrames: minFrames }),
          chunkSeconds: whole === true ? Infinity : seconds,
          stitch: stitch === true ? { embedding: colourLayoutEmbedding() } : undefined,
          decodeWidth: width,
          signal,
        });
        entries.push(...cutEntries(found));
        const { frames, fps, scenes, clips, dropped, scores } = found;
        const lost = dropped.length === 0 ? "" : `, ${dropped.length} dropped`;
        lines.push(
          `${file}: ${formatSeconds(frames / fps)}, ${scenes.length} scenes, ${clips.length} clips${lost}`,
          ...dropped.map(({ start, end, reason }) => `  frames ${start} to ${end}: ${reason}`),
        );
        if (plots !== undefined) {
          const limit = threshold ?? (detector === "content" ? 27 : 15);
          const svg = scorePlot({ scores, fps, threshold: limit, clips, dropped, title: file });
          await writeFileAtomically(path.join(plots, `${path.basename(file)}.svg`), svg);
        }
        onProgress?.({ type: "clip", index: index + 1, count: videos.length });
      }
    },
  );
  const listed =
    files === undefined || entries.length === 0
      ? entries
      : await withProgress(
          context,
          {
            title: "Writing clips",
            count: entries.length,
            stopped: `Stopped; ${out} was not written. The same command goes on.`,
          },
          (call) => writeClips(entries, { folder: files, ...call }),
        );
  for (const line of lines) terminal.print(line);
  await writeManifest(out, listed);
  terminal.print(`${out}: ${listed.length} clips`);
}
