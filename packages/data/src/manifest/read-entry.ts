// One entry of a manifest to a clip, whole or only some of its frames.
import { type Clip, ClipError } from "@noisereel/core";
import { selectFrames } from "../clip.js";
import type { FrameChoice } from "../transforms/choosing.js";
import { isAnimationFile } from "../video/animation.js";
import { readImage } from "../video/image.js";
import { readVideo, type ReadVideoOptions } from "../video/read.js";
import type { ManifestEntry } from "./schema.js";

/** The whole clip. Throws a `ClipError` when it has fewer frames than the manifest states. */
export async function readEntry(entry: ManifestEntry, options: ReadVideoOptions): Promise<Clip> {
  const { part, start, end } = entry;
  if (entry.type === "image") {
    const { id, caption, maxPixels, signal } = options;
    return readImage(entry.path, { id, caption, maxPixels, part, signal });
  }
  const clip = await readVideo(entry.path, { ...options, start, end, part, name: entry.member });
  const expected = options.fps === undefined ? Math.min(statedFrames(entry) ?? 0, options.maxFrames ?? Infinity) : 0;
  if (clip.frames < expected) throw tooShort(entry, clip.frames, expected);
  return clip;
}

/** Frames that the clip will have by what the manifest says; undefined when only decoding tells, or all is decoded anyway. */
export function framesToChooseFrom(entry: ManifestEntry, options: ReadVideoOptions): number | undefined {
  if (entry.type === "image" || options.fps !== undefined || isAnimationFile(entry.member ?? entry.path)) {
    return undefined;
  }
  const stated = statedFrames(entry);
  return stated === undefined ? undefined : Math.min(stated, options.maxFrames ?? Infinity);
}

/** The chosen frames of a clip of which `framesToChooseFrom` knows the length. */
export async function readChosen(entry: ManifestEntry, choice: FrameChoice, options: ReadVideoOptions): Promise<Clip> {
  const { part, start = 0 } = entry;
  const sorted = [...new Set(choice.indices)].toSorted((a, b) => a - b);
  const first = sorted[0]!;
  const clip = await readVideo(entry.path, {
    ...options,
    maxFrames: undefined,
    start: start + first,
    only: sorted.map((index) => index - first),
    part,
    name: entry.member,
  });
  if (clip.frames < sorted.length) throw tooShort(entry, sorted[clip.frames]!, statedFrames(entry)!);
  const fps = choice.rate(clip.fps);
  if (sorted.length === choice.indices.length) return { ...clip, fps };
  const places = new Map(sorted.map((index, place) => [index, place]));
  return selectFrames(
    clip,
    choice.indices.map((index) => places.get(index)!),
    { fps },
  );
}

function statedFrames({ start, end, stated }: ManifestEntry): number | undefined {
  if (end !== undefined) return end - (start ?? 0);
  return start === undefined ? stated.frames : undefined;
}

function tooShort({ id, path }: ManifestEntry, frames: number, expected: number): ClipError {
  return new ClipError(
    `${path} has ${frames} of the ${expected} frames that the manifest states; it is cut short, or the manifest is wrong`,
    { id, path },
  );
}
