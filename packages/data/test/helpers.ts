// Things that several tests need.
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Clip, ClipSource } from "@noisereel/core";
import { onTestFinished } from "vitest";
import { clipSource } from "../src/sources.js";

/** A folder that is deleted after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "noisereel-data-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The clips that ship with the repository. */
export const shippedClips = path.resolve(import.meta.dirname, "../../../clips");

/** A smooth picture that drifts from frame to frame, with a bright square that moves. */
export function movingClip(shape: {
  frames: number;
  height: number;
  width: number;
  fps?: number;
  id?: string;
  hue?: number;
}): Clip {
  const { frames, height, width, fps = 10, id = "moving", hue = 0 } = shape;
  const pixels = new Uint8Array(frames * height * width * 3);
  let i = 0;
  for (let t = 0; t < frames; t++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const square = Math.abs(x - 4 - 2 * t) < 3 && Math.abs(y - height / 2) < 3;
        pixels[i++] = square ? 250 : (120 * x) / width + hue;
        pixels[i++] = square ? 240 : (120 * y) / height + 4 * t;
        pixels[i++] = square ? 30 : 90;
      }
    }
  }
  return { id, pixels, frames, height, width, fps, caption: `a square moves over ${id}` };
}

/** `count` different small clips in memory. */
export function movingSource(count: number, shape = { frames: 9, height: 8, width: 8 }): ClipSource {
  return clipSource(Array.from({ length: count }, (_, i) => movingClip({ ...shape, id: `clip-${i}`, hue: 10 * i })));
}

export function meanDifference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return a.length === b.length ? sum / a.length : Infinity;
}

/** A program to be run in ffmpeg's place. `body` is shell; the last argument is in `$last`. */
export async function fakeFfmpeg(folder: string, body: string): Promise<string> {
  const file = path.join(folder, "fake-ffmpeg.sh");
  await writeFile(file, `#!/bin/sh\nfor last in "$@"; do :; done\n${body}\n`, { mode: 0o755 });
  return file;
}

/** Names in a folder, those of temporary files included. */
export const listFolder = async (folder: string): Promise<string[]> => (await readdir(folder)).toSorted();
