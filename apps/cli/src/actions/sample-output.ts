// A sampled clip on disk: the clip, and beside it everything needed to make it again.
import type { Clip } from "@noisereel/core";
import { temporaryPrefix } from "@noisereel/core/node";
import { writeImage, writeVideo } from "@noisereel/data";
import type { SampledClip } from "@noisereel/recipes";
import { randomUUID } from "node:crypto";
import { link, mkdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { KnownFrames } from "./known-frames.js";
import { recordOf } from "./sample-record.js";

export interface WriteSampleOptions {
  readonly folder: string;
  /** Proposes names until one is free: another process may be writing into the folder too. */
  readonly nextName: () => string;
  readonly clip: Clip;
  readonly settings: SampledClip["settings"];
  /** Folder of the run that made it. */
  readonly run: string;
  readonly seconds: number;
  /** What the clip begins with. */
  readonly known?: KnownFrames | undefined;
  readonly signal: AbortSignal;
}

/** Writes a clip as .mp4, or .png for one frame, and its .json. Replaces nothing. Returns the path of the clip. */
export async function writeSample(options: WriteSampleOptions): Promise<string> {
  const { folder, clip, signal } = options;
  const ending = clip.frames === 1 ? ".png" : ".mp4";
  const temporary = path.join(folder, `${temporaryPrefix}${randomUUID().slice(0, 8)}`);
  await mkdir(folder, { recursive: true });
  try {
    if (clip.frames === 1) await writeImage(`${temporary}.png`, clip);
    else await writeVideo(`${temporary}.mp4`, clip, { signal });
    const record = await recordOf(options);
    for (;;) {
      const name = options.nextName();
      const file = path.join(folder, `${name}${ending}`);
      await writeFile(`${temporary}.json`, `${JSON.stringify({ file: `${name}${ending}`, ...record }, null, 2)}\n`);
      // A link fails where a rename would replace: whoever has the .json has the name.
      const free = await link(`${temporary}.json`, path.join(folder, `${name}.json`)).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === "EEXIST") return false;
          throw error;
        },
      );
      if (!free) continue;
      await rename(`${temporary}${ending}`, file);
      return file;
    }
  } finally {
    for (const each of [".json", ending]) await rm(`${temporary}${each}`, { force: true });
  }
}
