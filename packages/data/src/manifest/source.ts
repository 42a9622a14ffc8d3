// A manifest as a source of clips.
import { type CallOptions, type Clip, ClipError, type ClipTransform, ConfigError, type Rng } from "@noisereel/core";
import { fileSha256 } from "../files.js";
import type { FrameChoosingSource } from "../transforms/choosing.js";
import type { ReadVideoOptions } from "../video/read.js";
import { framesToChooseFrom, readChosen, readEntry } from "./read-entry.js";
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
 * fewer frames than the manifest states, or (with `verify`) another sha256. Where the manifest states how many frames a clip
 * has, a loader whose transform begins with `temporalCrop` decodes only the frames it takes; then damage behind them is not
 * seen (`checkManifest` decodes everything).
 */
export function manifestSource(manifest: Manifest, options: ManifestSourceOptions = {}): FrameChoosingSource {
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
  const entryAt = (index: number): ManifestEntry => {
    const entry = manifest.entries[index];
    if (entry !== undefined) return entry;
    throw new ConfigError(`index is ${index}; ${manifest.path} has ${manifest.entries.length} clips, from 0`);
  };
  const reading = async (
    index: number,
    call: CallOptions,
    work: (entry: ManifestEntry, options: ReadVideoOptions) => Promise<Clip>,
  ): Promise<Clip> => {
    const entry = entryAt(index);
    const caption = captionOf(entry, captionPolicy, rng);
    try {
      if (verify) await verifyFile(entry, call.signal);
      return await work(entry, { ...read, id: entry.id, caption, signal: call.signal });
    } catch (error) {
      if (!ClipError.isInstance(error) || (error as ClipError).id !== undefined) throw error;
      throw new ClipError((error as ClipError).message, { id: entry.id, path: entry.path, cause: error });
    }
  };
  return {
    name: options.name ?? manifest.path,
    length: manifest.entries.length,
    get: (index, call = {}) => reading(index, call, readEntry),
    getFrames: (index, choice, call = {}) =>
      reading(index, call, (entry, entryOptions) => readChosen(entry, choice, entryOptions)),
    clipLength(index) {
      const entry = entryAt(index);
      const frames = framesToChooseFrom(entry, read);
      return frames === undefined ? undefined : { id: entry.id, frames };
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
