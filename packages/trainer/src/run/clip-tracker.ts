// Sampled clips of a run as files that a browser plays.
import { type Clip, ConfigError, type Tracker } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { animatedPng } from "../trackers/png.js";

export interface ClipTrackerOptions {
  /** Writes a clip to a file with this extension, e.g. `writeVideo` of `@noisereel/data`. Default an animated PNG. */
  readonly write?: { readonly extension: string; file(file: string, clip: Clip): Promise<void> } | undefined;
}

/** Writes every clip as `folder/<step>-<key>.<extension>`; the same step and key replace the file. Scalars are ignored. */
export function clipTracker(folder: string, { write }: ClipTrackerOptions = {}): Tracker {
  return {
    name: "clips",
    scalars: () => undefined,
    async clip(step, key, clip) {
      if (!/^[\w.-]+$/.test(key)) {
        throw new ConfigError(`key is "${key}"; use letters, digits, dots, dashes and underscores`);
      }
      await mkdir(folder, { recursive: true });
      const file = path.join(folder, `${clipName(step, key)}${write?.extension ?? ".png"}`);
      if (write === undefined) await writeFileAtomically(file, animatedPng(clip));
      else await write.file(file, clip);
    },
  };
}

/** The file's name, without its extension. */
export function clipName(step: number, key: string): string {
  return `${String(step).padStart(6, "0")}-${key}`;
}

/** Step and key of a file that the tracker wrote, or undefined. */
export function parseClipName(file: string): { readonly step: number; readonly key: string } | undefined {
  const found = /^(\d{6,})-([\w.-]+)\.\w+$/.exec(file);
  return found === null ? undefined : { step: Number(found[1]), key: found[2]! };
}
