// A manifest with everything that is wrong with it, as data: what `readManifest` throws about and `checkManifest` reports.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "@noisereel/core";
import { folderEntries } from "./folder.js";
import { parseEntries, type LineReport, type RawEntry } from "./parse.js";
import { captionLookalikes, entrySchema, fieldHelp, imageEndings, type ManifestEntry, otherColumns } from "./schema.js";
import { readShard } from "./shards.js";
import { parseTable, readParquet } from "./table.js";

export interface ReadManifestOptions {
  /** Folder that relative paths are joined to. Default: the folder of the manifest. */
  readonly root?: string | undefined;
  /** A listed file that does not exist: `error` (default), or `skip` it and put it into `dropped`. */
  readonly missing?: "error" | "skip" | undefined;
  /** An entry without a caption, or with a blank one: `error`, or `allow` (default). */
  readonly uncaptioned?: "error" | "allow" | undefined;
  /** The key that holds captions, for files that name it otherwise, such as `text`. Default `cap`. */
  readonly captionField?: string | undefined;
}

export interface ManifestProblem {
  /** Where it is, in words: `line 3`, or the name of a file in a folder. */
  readonly where: string;
  /** Line of the manifest, from 1; row of a parquet file; 0 for a folder. */
  readonly line: number;
  readonly path: string | undefined;
  readonly field: string | undefined;
  readonly reason: string;
  /** What to do about it. */
  readonly remedy: string;
}

export interface ManifestInspection {
  readonly entries: readonly ManifestEntry[];
  readonly dropped: readonly { readonly line: number; readonly path: string; readonly reason: string }[];
  readonly problems: readonly ManifestProblem[];
}

/** Reads a manifest of any format. Throws only when there is nothing to read; what is wrong within is in `problems`. */
export async function inspectManifest(file: string, options: ReadManifestOptions = {}): Promise<ManifestInspection> {
  const { missing = "error", uncaptioned = "allow", captionField = "cap" } = options;
  const found = await stat(file).catch((cause: unknown) => {
    throw new ConfigError(
      `the manifest ${file} does not exist; give a .json, .jsonl, .csv, .parquet or .tar file, or a folder`,
      { cause },
    );
  });
  if (path.extname(file).toLowerCase() === ".txt") return inspectList(file, options);
  const root = options.root ?? (found.isDirectory() ? file : path.dirname(file));
  const problems: ManifestProblem[] = [];
  const dropped: ManifestInspection["dropped"][number][] = [];
  const entries: ManifestEntry[] = [];
  const seen = new Map<string, number>();
  const raw = await rawEntries(file, found.isDirectory(), ({ line, ...problem }) =>
    problems.push({ where: `line ${line}`, line, path: undefined, field: undefined, ...problem }),
  );
  for (const item of raw) {
    const { line, value } = item;
    const named = (value as { path?: unknown } | null)?.path;
    const where = line === 0 ? String(named) : `line ${line}`;
    const report = (field: string | undefined, reason: string, remedy: string): void =>
      void problems.push({ where, line, path: typeof named === "string" ? named : undefined, field, reason, remedy });
    const entry = parseEntry(item, { root, uncaptioned, captionField, report });
    if (entry === undefined) continue;
    if (!(await exists(entry.path))) {
      const reason = `${entry.path} does not exist`;
      if (missing === "error") report("path", reason, "check the path and root, or leave the entry out");
      else dropped.push({ line, path: entry.path, reason });
      continue;
    }
    const before = seen.get(entry.id) ?? 0;
    seen.set(entry.id, before + 1);
    entries.push(before === 0 ? entry : { ...entry, id: `${entry.id}#${before + 1}` });
  }
  return { entries, dropped, problems };
}

async function rawEntries(file: string, isFolder: boolean, report: LineReport): Promise<RawEntry[]> {
  if (isFolder) return folderEntries(file, report);
  const ending = path.extname(file).toLowerCase();
  if (ending === ".tar") return readShard(file, report);
  if (ending === ".parquet") return readParquet(file);
  const text = await readFile(file, "utf8");
  if (ending === ".csv" || ending === ".tsv")
    return parseTable(text, { delimiter: ending === ".csv" ? "," : "\t", report });
  return parseEntries(text, file, report);
}

/** The list of lines `root,annotation` that names several manifests, each with its folder of clips. */
async function inspectList(file: string, options: ReadManifestOptions): Promise<ManifestInspection> {
  const all = { entries: [] as ManifestEntry[], dropped: [] as ManifestInspection["dropped"][number][] };
  const problems: ManifestProblem[] = [];
  const lines = (await readFile(file, "utf8")).split(/\r?\n/);
  for (const [index, text] of lines.entries()) {
    if (text.trim() === "") continue;
    const line = index + 1;
    const problem = (reason: string): void =>
      void problems.push({
        where: `line ${line}`,
        line,
        path: undefined,
        field: undefined,
        reason,
        remedy: "write the folder of the clips, a comma and the manifest on each line",
      });
    const [root, annotation, ...rest] = text.split(",").map((part) => part.trim());
    if (
      root === undefined ||
      annotation === undefined ||
      annotation === "" ||
      rest.length > 0 ||
      /\.txt$/i.test(annotation)
    ) {
      problem(`"${text}" is not root,annotation`);
      continue;
    }
    const folder = path.dirname(file);
    try {
      const part = await inspectManifest(path.resolve(folder, annotation), {
        ...options,
        root: path.resolve(folder, root),
      });
      all.entries.push(...part.entries);
      all.dropped.push(...part.dropped);
      problems.push(...part.problems.map((item) => ({ ...item, where: `${annotation}, ${item.where}` })));
    } catch (error) {
      if (!ConfigError.isInstance(error)) throw error;
      problem((error as Error).message);
    }
  }
  return { ...all, problems };
}

interface ParseOptions {
  readonly root: string;
  readonly uncaptioned: "error" | "allow";
  readonly captionField: string;
  readonly report: (field: string | undefined, reason: string, remedy: string) => void;
}

function parseEntry({ line, value, within }: RawEntry, options: ParseOptions): ManifestEntry | undefined {
  const { captionField, report } = options;
  const renamed =
    captionField === "cap" || typeof value !== "object" || value === null || !(captionField in value)
      ? value
      : { ...value, cap: (value as Record<string, unknown>)[captionField], [captionField]: undefined };
  const parsed = entrySchema.safeParse(renamed);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const [first] = issue.path;
      const remedy =
        first === undefined ? "write an object with path and cap" : (fieldHelp[String(first)] ?? "correct it");
      report(first === undefined ? undefined : issue.path.join("."), issue.message, remedy);
    }
    return undefined;
  }
  const { data } = parsed;
  const lookalike = captionLookalikes.find((key) => data.cap === undefined && data[key] !== undefined);
  if (lookalike !== undefined) {
    report(lookalike, "captions are read from cap", "rename it");
    return undefined;
  }
  const captions = (typeof data.cap === "string" ? [data.cap] : (data.cap ?? [])).map((text) => text.trim());
  if (options.uncaptioned === "error" && !captions.some((text) => text !== "")) {
    report("cap", "there is no caption", "write one or leave the entry out");
    return undefined;
  }
  const given =
    typeof data.cap_source === "string" ? captions.map(() => data.cap_source as string) : (data.cap_source ?? []);
  if (given.length > 0 && given.length !== captions.length) {
    report("cap_source", `names ${given.length} sources for ${captions.length} captions`, fieldHelp["cap_source"]!);
    return undefined;
  }
  const [start, end] = data.frame_idx === undefined ? [data.start, data.end] : data.frame_idx.split(":").map(Number);
  if (end !== undefined && end <= (start ?? 0)) {
    report("end", `${end} is not after start (${start ?? 0})`, fieldHelp["end"]!);
    return undefined;
  }
  const ranged = start === undefined && end === undefined ? "" : `@${start ?? 0}-${end ?? ""}`;
  const file = path.isAbsolute(data.path) ? data.path : path.join(options.root, data.path);
  return {
    id: data.id ?? `${data.path}${ranged}`,
    path: within?.shard ?? file,
    part: within?.part,
    member: within === undefined ? undefined : data.path,
    captions,
    captionSources: given,
    type: data.type ?? (imageEndings.includes(path.extname(data.path).toLowerCase()) ? "image" : "video"),
    start,
    end,
    stated: {
      frames: data.num_frames,
      fps: data.fps,
      width: data.width ?? data.resolution?.width,
      height: data.height ?? data.resolution?.height,
      seconds: data.duration,
      sha256: data.sha256,
    },
    tags: data.tags ?? [],
    columns: Object.fromEntries(Object.entries(otherColumns(data)).filter(([, column]) => column !== undefined)),
    line,
  };
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );
