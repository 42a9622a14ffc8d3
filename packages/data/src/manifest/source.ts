// A manifest as a source of clips.
import {
  type CallOptions,
  type Clip,
  ClipError,
  type ClipSource,
  type ClipTransform,
  ConfigError,
  type Rng,
} from "@noisereel/core";
import { fileSha256 } from "../files.js";
import { readImage } from "../video/image.js";
import { readVideo, type ReadVideoOptions } from "../video/read.js";
import type { Manifest } from "./read.js";
import type { ManifestEntry } from "./schema.js";

/**
 * Which of an entry's captions a clip gets: the first, the one at this position, the longest, one drawn once for each entry,
 * or the one that `source` wrote (see `cap_source`).
 */
export type CaptionPolicy = "first" | "longest" | "random" | number | { readonly source: string };

export interface ManifestSourceOptions {
  /** Default: the manifest's path. */
  readonly name?: string | undefined;
  /** Default `first`. With `random`, `rng` is needed. For a new draw at every step use `drawCaption`. */
  readonly captionPolicy?: CaptionPolicy | undefined;
  readonly rng?: Rng | undefined;
  /** Compares each file with the manifest's `sha256` before it is read. Default false. */
  readonly verify?: boolean | undefined;
  /** How files are decoded: limits, size, ffmpeg. */
  readonly read?: Omit<ReadVideoOptions, "id" | "caption" | "start" | "end" | "signal"> | undefined;
}

/**
 * The clips of a manifest, decoded when they are asked for. `get` throws a `ClipError` when a file cannot be read, has
 * fewer frames than the manifest states, or (with `verify`) another sha256.
 */
export function manifestSource(manifest: Manifest, options: ManifestSourceOptions = {}): ClipSource {
  const { captionPolicy = "first", rng, verify = false, read = {} } = options;
  if (captionPolicy === "random" && rng === undefined) {
    throw new ConfigError('captionPolicy is "random" but rng is missing; give the generator to draw from');
  }
  if (typeof captionPolicy === "number") {
    const poor = manifest.entries.find(({ captions }) => captions.length <= captionPolicy);
    if (poor !== undefined || !Number.isInteger(captionPolicy) || captionPolicy < 0) {
      const has = poor === undefined ? "" : `; ${poor.id} (line ${poor.line}) has ${poor.captions.length} captions`;
      throw new ConfigError(`captionPolicy is ${captionPolicy}${has}; use a position that every entry has`);
    }
  }
  if (typeof captionPolicy === "object") {
    const without = manifest.entries.find(({ captionSources }) => !captionSources.includes(captionPolicy.source));
    if (without !== undefined) {
      const has = without.captionSources.length === 0 ? "no cap_source" : without.captionSources.join(", ");
      throw new ConfigError(
        `captionPolicy asks for captions of ${captionPolicy.source}; ${without.id} (line ${without.line}) has ${has}; use a source that every entry has`,
      );
    }
  }
  return {
    name: options.name ?? manifest.path,
    length: manifest.entries.length,
    async get(index: number, call: CallOptions = {}): Promise<Clip> {
      const entry = manifest.entries[index];
      if (entry === undefined) {
        throw new ConfigError(`index is ${index}; ${manifest.path} has ${manifest.entries.length} clips, from 0`);
      }
      const caption = captionOf(entry, captionPolicy, rng);
      try {
        if (verify) await verifyFile(entry, call.signal);
        return await readEntry(entry, { ...read, id: entry.id, caption, signal: call.signal });
      } catch (error) {
        if (!ClipError.isInstance(error) || (error as ClipError).id !== undefined) throw error;
        throw new ClipError((error as ClipError).message, { id: entry.id, path: entry.path, cause: error });
      }
    },
  };
}

/** Gives each clip one of its entry's captions, drawn anew every time the transform runs. */
export function drawCaption(manifest: Manifest): ClipTransform {
  const captionsOf = new Map(manifest.entries.map(({ id, captions }) => [id, captions]));
  return (clip, rng) => {
    const captions = captionsOf.get(clip.id);
    if (captions === undefined) throw new ConfigError(`clip ${clip.id} is not in the manifest ${manifest.path}`);
    const caption = captions.length === 0 ? undefined : captions[rng.integer(captions.length)];
    return caption === undefined ? clip : { ...clip, caption };
  };
}

function captionOf(entry: ManifestEntry, policy: CaptionPolicy, rng: Rng | undefined): string | undefined {
  if (policy === "first") return entry.captions[0];
  if (policy === "longest") return entry.captions.toSorted((a, b) => b.length - a.length)[0];
  if (typeof policy === "object") return entry.captions[entry.captionSources.indexOf(policy.source)];
  if (policy !== "random") return entry.captions[policy];
  return entry.captions.length === 0 ? undefined : entry.captions[rng!.fork(entry.id).integer(entry.captions.length)];
}

async function readEntry(entry: ManifestEntry, options: ReadVideoOptions): Promise<Clip> {
  const { part, start, end } = entry;
  if (entry.type === "image") {
    const { id, caption, maxPixels, signal } = options;
    return readImage(entry.path, { id, caption, maxPixels, part, signal });
  }
  const clip = await readVideo(entry.path, { ...options, start, end, part, name: entry.member });
  const range = entry.end === undefined ? undefined : entry.end - (entry.start ?? 0);
  const wanted = range ?? (entry.start === undefined ? entry.stated.frames : undefined);
  const expected = options.fps === undefined ? Math.min(wanted ?? 0, options.maxFrames ?? Infinity) : 0;
  if (clip.frames < expected) {
    throw new ClipError(
      `${entry.path} has ${clip.frames} of the ${expected} frames that the manifest states; it is cut short, or the manifest is wrong`,
      { id: entry.id, path: entry.path },
    );
  }
  return clip;
}

async function verifyFile(entry: ManifestEntry, signal: AbortSignal | undefined): Promise<void> {
  const stated = entry.stated.sha256;
  if (stated === undefined) return;
  const actual = await fileSha256(entry.path, { signal, part: entry.part });
  if (actual !== stated) {
    throw new ClipError(
      `${entry.path} has sha256 ${actual.slice(0, 12)}… but the manifest states ${stated.slice(0, 12)}…; the file was changed`,
      { id: entry.id, path: entry.path },
    );
  }
}
