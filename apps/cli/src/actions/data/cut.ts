// Cuts videos and lists their clips.
import { writeFileAtomically } from "@noisereel/core/node";
import {
  colourLayoutEmbedding,
  cutEntries,
  type CutVideo,
  cutVideos,
  scorePlot,
  writeClips,
  writeManifest,
} from "@noisereel/data";
import path from "node:path";
import type { CommandContext } from "../../context.js";
import { formatSeconds } from "../../format.js";
import { forgetParts, ownCount, type PartArguments, partsOf, tellShard } from "./parts.js";
import { withProgress } from "./progress.js";

export interface CutArguments extends PartArguments {
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
  const parts = partsOf(out, options);
  const cuts = await withProgress(
    context,
    {
      title: "Cutting videos",
      count: ownCount(videos.length, parts),
      stopped: `Stopped; ${out} was not written. The same command goes on.`,
    },
    (call) =>
      cutVideos(videos, {
        detector,
        ...(threshold === undefined ? {} : { threshold }),
        ...(minFrames === undefined ? {} : { minSceneFrames: minFrames }),
        chunkSeconds: whole === true ? Infinity : seconds,
        stitch: stitch === true ? { embedding: colourLayoutEmbedding() } : undefined,
        decodeWidth: width,
        shared: parts.shared,
        ...call,
      }),
  );
  const entries = cuts.flatMap(cutEntries);
  for (const found of plots === undefined ? [] : cuts) {
    const limit = threshold ?? (detector === "content" ? 27 : 15);
    const svg = scorePlot({ ...found, threshold: limit, title: found.file });
    await writeFileAtomically(path.join(plots!, `${path.basename(found.file)}.svg`), svg);
  }
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
  for (const line of cuts.flatMap(describeCut)) terminal.print(line);
  if (parts.kind === "shard") return tellShard(parts, cuts.length, context);
  await writeManifest(out, listed);
  await forgetParts(parts);
  terminal.print(`${out}: ${listed.length} clips`);
}

function describeCut({ file, frames, fps, scenes, clips, dropped }: CutVideo): string[] {
  const lost = dropped.length === 0 ? "" : `, ${dropped.length} dropped`;
  return [
    `${file}: ${formatSeconds(frames / fps)}, ${scenes.length} scenes, ${clips.length} clips${lost}`,
    ...dropped.map(({ start, end, reason }) => `  frames ${start} to ${end}: ${reason}`),
  ];
}
