// What a run's folder says of itself: run.json.
import { CheckpointError, ConfigError, type JsonValue } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { StageAbout } from "../stages.js";

export interface RunInfo {
  readonly version: 1;
  readonly recipe: string;
  readonly options: JsonValue;
  readonly stages: readonly { readonly name: string; readonly from: string | null }[];
  readonly status: "running" | "stopped" | "finished" | "failed";
  /** Why it failed. */
  readonly message: string | null;
  /** ISO 8601. */
  readonly started: string;
  readonly updated: string;
  /** Facts and dropped items of the stages that were opened. */
  readonly about: Readonly<Record<string, StageAbout>>;
  readonly environment: Readonly<Record<string, string | number>>;
}

const fileName = "run.json";

/** The run in `folder`, or undefined when there is none. */
export async function readRunInfo(folder: string): Promise<RunInfo | undefined> {
  const file = path.join(folder, fileName);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const info = JSON.parse(text) as RunInfo;
    if (info.version === 1) return info;
  } catch {
    // Told below.
  }
  throw new CheckpointError(`${file} is not what this version of noisereel writes; use another folder`);
}

export async function writeRunInfo(folder: string, info: RunInfo): Promise<void> {
  await writeFileAtomically(path.join(folder, fileName), `${JSON.stringify(info, null, 2)}\n`);
}

/** Throws ConfigError that names what differs when the run in `folder` was begun with other options. */
export function refuseOtherRun(folder: string, found: RunInfo, recipe: string, options: JsonValue): void {
  if (found.recipe !== recipe) {
    throw new ConfigError(`${folder} holds a run of recipe ${found.recipe}, not ${recipe}; use another folder`);
  }
  const differences = [...differing(found.options, options, "")];
  if (differences.length === 0) return;
  throw new ConfigError(
    `${folder} holds a run with other options (${differences.slice(0, 4).join(", ")}); use those, another folder, or begin again with fresh`,
  );
}

/** `name is 1 there and 2 here` for every leaf that differs. */
function* differing(there: JsonValue | undefined, here: JsonValue | undefined, name: string): Generator<string> {
  if (isGroup(there) && isGroup(here)) {
    for (const key of new Set([...Object.keys(there), ...Object.keys(here)])) {
      yield* differing(there[key], here[key], name === "" ? key : `${name}.${key}`);
    }
    return;
  }
  const [a, b] = [JSON.stringify(there), JSON.stringify(here)];
  if (a !== b) yield `${name} is ${a ?? "not set"} there and ${b ?? "not set"} here`;
}

function isGroup(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
