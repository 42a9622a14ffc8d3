// Ranges of videos as files of their own, for those who want files. The sources are only read.
import { stat } from "node:fs/promises";
import path from "node:path";
import { type CallOptions, ConfigError } from "@noisereel/core";
import type { ManifestEntry } from "../manifest/schema.js";
import type { VideoFrame } from "../video/frame.js";
import { videoFrames } from "../video/frames.js";
import { writeVideo, type WriteVideoOptions } from "../video/write.js";

export interface WriteClipsOptions extends CallOptions, Pick<WriteVideoOptions, "crf" | "preset" | "ffmpeg"> {
  /** Folder of the clips. */
  readonly folder: string;
  /** A file that is there already: `keep` it (default; a file is only ever whole), or `replace` it. */
  readonly existing?: "keep" | "replace" | undefined;
}

/**
 * Writes each ranged entry of `entries` as `<name>-<start>-<end>.mp4` and returns the entries with those files as their paths,
 * everything else as it was; entries without a range are returned as they are. Each source is decoded once. Rows and
 * columns beyond an even size are cut off, because video for browsers needs one.
 */
export async function writeClips(
  entries: readonly ManifestEntry[],
  options: WriteClipsOptions,
): Promise<ManifestEntry[]> {
  const { folder, existing = "keep", crf, preset, ffmpeg, signal, onProgress } = options;
  const open = entries.find(({ type, start, end }) => type === "video" && start !== undefined && end === undefined);
  if (open !== undefined) throw new ConfigError(`${open.id} has a start but no end; give it the frame after its last`);
  const ranged = entries.filter(isRanged);
  const targets = new Map<ManifestEntry, string>();
  for (const entry of ranged) {
    const target = path.join(folder, clipName(entry));
    if (path.resolve(target) === path.resolve(entry.path)) {
      throw new ConfigError(
        `the clip ${entry.id} would be written over its own source ${entry.path}; choose another folder`,
      );
    }
    const owner = [...targets].find(([, file]) => file === target)?.[0];
    if (owner !== undefined && owner.path !== entry.path) {
      throw new ConfigError(
        `${owner.path} and ${entry.path} would both be written to ${target}; give them other names`,
      );
    }
    targets.set(entry, target);
  }
  let done = 0;
  for (const group of passes(ranged)) {
    const { path: file, part, start: origin = 0 } = group[0]!;
    const source = videoFrames(file, { start: origin, end: group.at(-1)!.end, part, ffmpeg, signal });
    try {
      for (const entry of group) {
        const target = targets.get(entry)!;
        const kept = existing === "keep" && (await stat(target).catch(() => undefined)) !== undefined;
        if (!kept) await writeVideo(target, rangeOf(source, entry, origin), { crf, preset, ffmpeg, signal });
        onProgress?.({ type: "clip", index: ++done, count: ranged.length });
      }
    } finally {
      await source.return(undefined);
    }
  }
  return entries.map((entry) => {
    const target = targets.get(entry);
    return target === undefined
      ? entry
      : { ...entry, path: target, part: undefined, member: undefined, start: undefined, end: undefined };
  });
}

type Ranged = ManifestEntry & { readonly end: number };
const isRanged = (entry: ManifestEntry): entry is Ranged => entry.type === "video" && entry.end !== undefined;

function clipName({ path: file, member, start = 0, end }: Ranged): string {
  const name = path.basename(member ?? file);
  return `${name.slice(0, name.length - path.extname(name).length)}-${start}-${end}.mp4`;
}

/** Entries of one source in order of their frames; those that overlap go into another pass. */
function passes(entries: readonly Ranged[]): Ranged[][] {
  const groups: Ranged[][] = [];
  for (const entry of entries.toSorted((a, b) => (a.start ?? 0) - (b.start ?? 0))) {
    const group = groups.find((items) => {
      const last = items.at(-1)!;
      return last.path === entry.path && last.part?.offset === entry.part?.offset && last.end <= (entry.start ?? 0);
    });
    if (group === undefined) groups.push([entry]);
    else group.push(entry);
  }
  return groups;
}

/** The frames of one range out of a stream, from frame `origin` of the file on, that is read further by the next range. */
async function* rangeOf(
  source: AsyncGenerator<VideoFrame>,
  { start = 0, end }: Ranged,
  origin: number,
): AsyncGenerator<VideoFrame> {
  for (;;) {
    const next = await source.next();
    if (next.done === true) return;
    const frame = next.value;
    if (origin + frame.index >= start) yield evenFrame(frame);
    if (origin + frame.index === end - 1) return;
  }
}

function evenFrame(frame: VideoFrame): VideoFrame {
  const height = frame.height - (frame.height % 2);
  const width = frame.width - (frame.width % 2);
  if (height === frame.height && width === frame.width) return frame;
  const pixels = new Uint8Array(height * width * 3);
  for (let y = 0; y < height; y++) {
    pixels.set(frame.pixels.subarray(y * frame.width * 3, (y * frame.width + width) * 3), y * width * 3);
  }
  return { ...frame, height, width, pixels };
}
