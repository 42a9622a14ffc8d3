// Sources made of other sources: behaviour is added by wrapping.
import {
  type CallOptions,
  type Clip,
  type ClipSource,
  type ClipTransform,
  ConfigError,
  type Rng,
} from "@noisereel/core";

/** Clips that are in memory already, as a source. */
export function clipSource(clips: readonly Clip[], options: { readonly name?: string } = {}): ClipSource {
  return {
    name: options.name ?? "clips",
    length: clips.length,
    get(index) {
      const clip = clips[index];
      if (clip === undefined) throw new ConfigError(`index is ${index}; the source has ${clips.length} clips, from 0`);
      return clip;
    },
  };
}

/**
 * A source whose clips go through `transform` when they are read. A clip's draws depend only on `rng` and its id, so a
 * clip always comes out the same; put transforms that must differ from step to step into the loader.
 */
export function transformedSource(source: ClipSource, transform: ClipTransform, rng: Rng): ClipSource {
  return {
    name: source.name,
    length: source.length,
    async get(index, options) {
      const clip = await source.get(index, options);
      return transform(clip, rng.fork(clip.id));
    },
    close: () => source.close?.(),
  };
}

/**
 * Keeps clips in memory once they were read, the least recently used leaving first. Put it after the transforms that
 * make clips small. Two requests for one clip share one read.
 */
export function inMemory(source: ClipSource, options: { readonly maxBytes?: number } = {}): ClipSource {
  const { maxBytes = 2 ** 29 } = options;
  const kept = new Map<number, Clip>();
  const pending = new Map<number, Promise<Clip>>();
  let bytes = 0;
  const keep = (index: number, clip: Clip): void => {
    if (clip.pixels.length > maxBytes || kept.has(index)) return;
    kept.set(index, clip);
    bytes += clip.pixels.length;
    for (const [oldest, { pixels }] of kept) {
      if (bytes <= maxBytes) break;
      kept.delete(oldest);
      bytes -= pixels.length;
    }
  };
  const read = async (index: number, call: CallOptions | undefined): Promise<Clip> => {
    const clip = await source.get(index, call);
    keep(index, clip);
    return clip;
  };
  return {
    name: source.name,
    length: source.length,
    async get(index, call) {
      const clip = kept.get(index);
      if (clip !== undefined) {
        kept.delete(index); // most recently used is last
        kept.set(index, clip);
        return clip;
      }
      const shared = pending.get(index);
      // A shared read may have been aborted by the one who began it; then read again.
      if (shared !== undefined) return shared.catch(() => read(index, call));
      const started = read(index, call).finally(() => pending.delete(index));
      pending.set(index, started);
      return started;
    },
    close: () => {
      kept.clear();
      bytes = 0;
      return source.close?.();
    },
  };
}

/** Some clips of a source, for example its training part. */
export function subset(source: ClipSource, indices: readonly number[]): ClipSource {
  const outside = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= source.length);
  if (outside !== undefined)
    throw new ConfigError(`indices holds ${outside}; ${source.name} has ${source.length} clips, from 0`);
  return {
    name: source.name,
    length: indices.length,
    get(index, options) {
      const inner = indices[index];
      if (inner === undefined)
        throw new ConfigError(`index is ${index}; the subset has ${indices.length} clips, from 0`);
      return source.get(inner, options);
    },
    close: () => source.close?.(),
  };
}
