// An entry as the object that a manifest file holds.
import path from "node:path";
import type { ManifestEntry } from "./schema.js";

/**
 * The raw entry: keys in a fixed order, absent ones left out. `root` makes paths below it relative. What was read and is
 * written again says the same.
 */
export function entryRecord(
  entry: ManifestEntry,
  options: { readonly root?: string | undefined },
): Record<string, unknown> {
  const { captions, captionSources, stated, start, end, tags, columns } = entry;
  const file = entry.member ?? writtenPath(entry.path, options.root);
  const ranged = start === undefined && end === undefined ? "" : `@${start ?? 0}-${end ?? ""}`;
  const sources = new Set(captionSources);
  const record: Record<string, unknown> = {
    id: entry.id === `${file}${ranged}` ? undefined : entry.id,
    path: file,
    cap: captions.length === 0 ? undefined : captions,
    cap_source: sources.size === 0 ? undefined : sources.size === 1 ? captionSources[0] : captionSources,
    type: entry.type,
    start,
    end,
    num_frames: stated.frames,
    fps: stated.fps,
    width: stated.width,
    height: stated.height,
    duration: stated.seconds,
    sha256: stated.sha256,
    tags: tags.length === 0 ? undefined : tags,
    ...columns,
  };
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function writtenPath(file: string, root: string | undefined): string {
  if (root === undefined) return file;
  const relative = path.relative(path.resolve(root), path.resolve(file));
  const inside = relative !== "" && !relative.startsWith("..") && !path.isAbsolute(relative);
  return inside ? relative.split(path.sep).join("/") : path.resolve(file);
}
