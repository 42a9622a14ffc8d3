// Manifests: lists of clips with captions. Every problem is told with its line and field.
import { stat } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { inspectManifest, type ManifestProblem, type ReadManifestOptions } from "./inspect.js";
import type { ManifestEntry } from "./schema.js";

export interface Manifest {
  /** Path as given. */
  readonly path: string;
  readonly entries: readonly ManifestEntry[];
  /** Entries left out by `missing: "skip"`. */
  readonly dropped: readonly { readonly line: number; readonly path: string; readonly reason: string }[];
}

/**
 * Reads a manifest: the reference's JSON array of `{ path, cap: [...] }`, JSON lines, CSV, TSV or parquet with the same keys,
 * a WebDataset shard (`.tar`), a list of lines `root,annotation` (`.txt`), or a folder of videos and images with their
 * captions in `.txt` files of the same name, or of shards. Throws one `ConfigError` that lists the first five problems with
 * line and field.
 */
export async function readManifest(file: string, options: ReadManifestOptions = {}): Promise<Manifest> {
  const { entries, dropped, problems } = await inspectManifest(file, options);
  if (problems.length > 0) throw new ConfigError(summary(file, problems));
  if (entries.length === 0) {
    const root = options.root ?? ((await stat(file)).isDirectory() ? file : path.dirname(file));
    const why = dropped.length > 0 ? `all ${dropped.length} listed files are missing` : "it is empty";
    throw new ConfigError(`the manifest ${file} gives no clips: ${why}; check root (${root})`);
  }
  return { path: file, entries, dropped };
}

function summary(file: string, problems: readonly ManifestProblem[]): string {
  const shown = problems.slice(0, 5).map(describeProblem).join("; ");
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : "";
  return `${file} has ${problems.length} ${problems.length === 1 ? "problem" : "problems"}: ${shown}${more}`;
}

/** One problem as part of a sentence. */
export function describeProblem({ where, field, reason, remedy }: ManifestProblem): string {
  return `${where}, ${field === undefined ? "" : `field ${field}: `}${reason}; ${remedy}`;
}
