// Manifests: lists of clips with captions. Every problem is told with its line and field.
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { parseEntries } from "./parse.js";
import { captionLookalikes, entrySchema, type ManifestEntry, otherColumns } from "./schema.js";

export interface ReadManifestOptions {
  /** Folder that relative paths are joined to. Default: the folder of the manifest. */
  readonly root?: string | undefined;
  /** A listed file that does not exist: `error` (default), or `skip` it and put it into `dropped`. */
  readonly missing?: "error" | "skip" | undefined;
  /** An entry without a caption, or with a blank one: `error`, or `allow` (default). */
  readonly uncaptioned?: "error" | "allow" | undefined;
}

export interface Manifest {
  /** Path as given. */
  readonly path: string;
  readonly entries: readonly ManifestEntry[];
  /** Entries left out by `missing: "skip"`. */
  readonly dropped: readonly { readonly line: number; readonly path: string; readonly reason: string }[];
}

const imageEndings = [".png", ".jpg", ".jpeg", ".webp", ".tiff", ".avif"];
const videoEndings = [".mp4", ".mov", ".webm", ".mkv", ".avi", ".gif", ".ogv", ".mpg"];

/**
 * Reads a manifest: the reference's JSON array of `{ path, cap: [...] }`, JSON lines with the same keys, or a folder of
 * videos and images with their captions in `.txt` files of the same name. Throws one `ConfigError` that lists the first
 * five problems with line and field.
 */
export async function readManifest(file: string, options: ReadManifestOptions = {}): Promise<Manifest> {
  const { missing = "error", uncaptioned = "allow" } = options;
  const found = await stat(file).catch((cause: unknown) => {
    throw new ConfigError(`the manifest ${file} does not exist; give a .json or .jsonl file, or a folder`, { cause });
  });
  const isFolder = found.isDirectory();
  const raw = isFolder ? await folderEntries(file) : parseEntries(await readFile(file, "utf8"), file);
  const root = options.root ?? (isFolder ? file : path.dirname(file));
  const problems: string[] = [];
  const dropped: Manifest["dropped"][number][] = [];
  const entries: ManifestEntry[] = [];
  const seen = new Map<string, number>();
  for (const { line, value } of raw) {
    const where = line === 0 ? (value as { path: string }).path : `line ${line}`;
    const entry = parseEntry(value, { root, line, uncaptioned }, (problem) => problems.push(`${where}, ${problem}`));
    if (entry === undefined) continue;
    if (!(await exists(entry.path))) {
      const reason = `${entry.path} does not exist`;
      if (missing === "error") problems.push(`${where}, field path: ${reason}`);
      else dropped.push({ line, path: entry.path, reason });
      continue;
    }
    const before = seen.get(entry.id) ?? 0;
    seen.set(entry.id, before + 1);
    entries.push(before === 0 ? entry : { ...entry, id: `${entry.id}#${before + 1}` });
  }
  if (problems.length > 0) throw new ConfigError(summary(file, problems));
  if (entries.length === 0) {
    const why = dropped.length > 0 ? `all ${dropped.length} listed files are missing` : "it is empty";
    throw new ConfigError(`the manifest ${file} gives no clips: ${why}; check root (${root})`);
  }
  return { path: file, entries, dropped };
}

function summary(file: string, problems: readonly string[]): string {
  const shown = problems.slice(0, 5).join("; ");
  const more = problems.length > 5 ? `; and ${problems.length - 5} more` : "";
  return `${file} has ${problems.length} ${problems.length === 1 ? "problem" : "problems"}: ${shown}${more}`;
}

function parseEntry(
  value: unknown,
  options: { readonly root: string; readonly line: number; readonly uncaptioned: "error" | "allow" },
  report: (problem: string) => void,
): ManifestEntry | undefined {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const field = issue.path.length === 0 ? "" : `field ${issue.path.join(".")}: `;
      report(`${field}${issue.message}`);
    }
    return undefined;
  }
  const { data } = parsed;
  const lookalike = captionLookalikes.find((key) => data.cap === undefined && key in data);
  if (lookalike !== undefined) {
    report(`field ${lookalike}: captions are read from cap; rename it`);
    return undefined;
  }
  const captions = (typeof data.cap === "string" ? [data.cap] : (data.cap ?? [])).map((text) => text.trim());
  if (options.uncaptioned === "error" && !captions.some((text) => text !== "")) {
    report("field cap: there is no caption; write one or leave the entry out");
    return undefined;
  }
  const [start, end] = data.frame_idx === undefined ? [data.start, data.end] : data.frame_idx.split(":").map(Number);
  if (end !== undefined && end <= (start ?? 0)) {
    report(`field end: ${end} is not after start (${start ?? 0})`);
    return undefined;
  }
  const ranged = start === undefined && end === undefined ? "" : `@${start ?? 0}-${end ?? ""}`;
  return {
    id: data.id ?? `${data.path}${ranged}`,
    path: path.isAbsolute(data.path) ? data.path : path.join(options.root, data.path),
    captions,
    type: data.type ?? (imageEndings.includes(path.extname(data.path).toLowerCase()) ? "image" : "video"),
    start,
    end,
    stated: {
      frames: data.num_frames,
      fps: data.fps,
      width: data.width ?? data.resolution?.width,
      height: data.height ?? data.resolution?.height,
      sha256: data.sha256,
    },
    tags: data.tags ?? [],
    columns: otherColumns(data),
    line: options.line,
  };
}

/** Media files below `folder` in the order of their names, each with the caption of its `.txt`. */
async function folderEntries(folder: string): Promise<{ line: number; value: unknown }[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((item) => item.isFile())
    .map((item) => path.relative(folder, path.join(item.parentPath, item.name)))
    .toSorted();
  const names = new Set(files);
  const media = files.filter((name) => [...videoEndings, ...imageEndings].includes(path.extname(name).toLowerCase()));
  return Promise.all(
    media.map(async (name) => {
      const text = `${name.slice(0, -path.extname(name).length)}.txt`;
      if (!names.has(text)) return { line: 0, value: { path: name } };
      const cap = (await readFile(path.join(folder, text), "utf8")).trim().replace(/\s*\r?\n\s*/g, " ");
      return { line: 0, value: { path: name, cap } };
    }),
  );
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
