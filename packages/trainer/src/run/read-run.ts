// A run's folder as data: what it says of itself, its curves and clips, how far its stages are.
import { ConfigError } from "@noisereel/core";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import type { Curve } from "../plugins/curves.js";
import { parseClipName } from "./clip-tracker.js";
import { readRunInfo, type RunInfo } from "./run-info.js";

export interface ClipFile {
  readonly step: number;
  readonly key: string;
  /** Absolute. */
  readonly file: string;
}

export interface StageRecord {
  readonly name: string;
  /** Everything that was logged, by name; steps rise. */
  readonly curves: Readonly<Record<string, Curve>>;
  readonly clips: readonly ClipFile[];
  /** The last logged step; 0 when none is. */
  readonly step: number;
}

export interface RunRecord {
  /** Absolute. */
  readonly folder: string;
  readonly info: RunInfo;
  /** In the recipe's order; those that have begun. */
  readonly stages: readonly StageRecord[];
}

/** Where a run keeps what. */
export const runPaths = {
  checkpoints: (folder: string, stage: string) => path.join(folder, "checkpoints", stage),
  log: (folder: string, stage: string) => path.join(folder, "logs", `${stage}.jsonl`),
  clips: (folder: string, stage: string) => path.join(folder, "clips", stage),
  page: (folder: string) => path.join(folder, "run.html"),
} as const;

/** Reads the run in `folder`. Throws ConfigError when there is none. */
export async function readRun(folder: string): Promise<RunRecord> {
  const info = await readRunInfo(folder);
  if (info === undefined) throw new ConfigError(`${folder} holds no run (it has no run.json); check the path`);
  const stages: StageRecord[] = [];
  for (const { name } of info.stages) {
    const curves = await readCurves(runPaths.log(folder, name));
    const clips = await readClips(runPaths.clips(folder, name));
    if (curves === undefined && clips.length === 0) continue;
    const step = Math.max(0, ...Object.values(curves ?? {}).map(({ steps }) => steps.at(-1) ?? 0));
    stages.push({ name, curves: curves ?? {}, clips, step });
  }
  return { folder: path.resolve(folder), info, stages };
}

/** Folders in `root` that hold a run, by name. */
export async function listRuns(root: string): Promise<readonly string[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const found: string[] = [];
  for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
    const folder = path.join(root, name);
    const isRun = await stat(path.join(folder, "run.json")).then(
      () => true,
      () => false,
    );
    if (isRun) found.push(folder);
  }
  return found;
}

async function readCurves(file: string): Promise<Record<string, Curve> | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const curves = new Map<string, { steps: number[]; values: number[] }>();
  for (const line of text.split("\n")) {
    const values = parseLine(line);
    const step = values?.["step"];
    if (values === undefined || typeof step !== "number") continue;
    for (const [name, value] of Object.entries(values)) {
      if (name === "step") continue;
      const curve = curves.get(name) ?? { steps: [], values: [] };
      curves.set(name, curve);
      curve.steps.push(step);
      curve.values.push(Number(value)); // "NaN" and "Infinity" are text in the file
    }
  }
  return Object.fromEntries(curves);
}

/** A torn last line is none. */
function parseLine(line: string): Record<string, number | string> | undefined {
  try {
    return JSON.parse(line) as Record<string, number | string>;
  } catch {
    return undefined;
  }
}

async function readClips(folder: string): Promise<ClipFile[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const parsed = parseClipName(name);
      return parsed === undefined ? [] : [{ ...parsed, file: path.join(folder, name) }];
    })
    .toSorted((a, b) => a.step - b.step || (a.key < b.key ? -1 : 1));
}
