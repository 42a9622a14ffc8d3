// A sampled clip on disk: the clip, and beside it everything needed to make it again.
import type { Clip } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { writeImage, writeVideo } from "@noisereel/data";
import type { SampledClip } from "@noisereel/recipes";
import { mkdir } from "node:fs/promises";
import path from "node:path";

/** Writes `name`.mp4 (or .png for one frame) and `name`.json; each is whole or absent. Returns the path of the clip. */
export async function writeSample(options: {
  readonly folder: string;
  readonly name: string;
  readonly clip: Clip;
  readonly settings: SampledClip["settings"];
  /** Folder of the run that made it. */
  readonly run: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
}): Promise<string> {
  const { folder, name, clip, settings, run, seconds, signal } = options;
  const fileName = `${name}${clip.frames === 1 ? ".png" : ".mp4"}`;
  const file = path.join(folder, fileName);
  await mkdir(folder, { recursive: true });
  if (clip.frames === 1) await writeImage(file, clip);
  else await writeVideo(file, clip, { signal });
  const record = { file: fileName, ...settings, fps: clip.fps, run, seconds: Number(seconds.toFixed(2)) };
  await writeFileAtomically(path.join(folder, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
  return file;
}
