// A run folder's runs on Weights & Biases: one for each stage, because steps begin anew with each, together in a group.
import { CheckpointError, ConfigError, type JsonValue, type Tracker } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { WandbAccess } from "../trackers/wandb/credentials.js";
import { WandbJournal } from "../trackers/wandb/journal.js";
import type { WandbRetries } from "../trackers/wandb/requests.js";
import { type WandbTracker, wandbTracker } from "../trackers/wandb/tracker.js";
import { clipName } from "./clip-tracker.js";
import { runPaths } from "./read-run.js";

export interface RunOnWandb extends WandbAccess {
  readonly project: string;
  /** The user or team that the project belongs to. Default the key's own. */
  readonly entity?: string | undefined;
  readonly retries?: WandbRetries | undefined;
}

export interface WandbOfRunOptions {
  /** The run's. */
  readonly folder: string;
  readonly given: RunOnWandb;
  /** Shown beside the curves of each stage. */
  readonly config: { readonly [name: string]: JsonValue };
  /** Of the files that `clipTracker` writes, e.g. ".mp4". */
  readonly clipExtension: string | undefined;
  readonly onNote: (message: string) => void;
}

export interface WandbOfRun {
  /** Opens the tracker of a stage that begins; the one before is finished. */
  begin(stage: string): Promise<Tracker>;
  /** Ends the stage at hand: 0 finished, 255 stopped, 1 failed. */
  end(exitCode: number): Promise<void>;
  /** Sends what an earlier process could not, of a stage that is finished. */
  finish(stage: string): Promise<void>;
}

/** What `wandb/run.json` says, so that a resume finds the same runs. */
interface WandbFile {
  readonly version: 1;
  readonly id: string;
  readonly project: string;
  readonly entity: string | null;
}

/** Throws ConfigError when the folder's runs are in another project. */
export async function wandbOfRun(options: WandbOfRunOptions): Promise<WandbOfRun> {
  const { folder, given, config, clipExtension, onNote } = options;
  const { id, project, entity } = await openFile(path.join(folder, "wandb", "run.json"), given);
  const outbox = (stage: string): string => path.join(folder, "wandb", stage);
  const name = path.basename(folder);

  const open = (stage: string, strict: boolean): Promise<WandbTracker> =>
    wandbTracker({
      strict,
      ...given,
      folder: outbox(stage),
      project,
      entity: entity ?? undefined,
      runId: `${id}-${stage.replaceAll(/[^\w.-]/g, "_")}`,
      name: `${name} ${stage}`,
      group: `${name} ${id}`,
      config: { stage, ...config },
      clipFile:
        clipExtension === undefined
          ? undefined
          : (step, key) => path.join(runPaths.clips(folder, stage), clipName(step, key) + clipExtension),
      onNote,
    });
  let current: WandbTracker | undefined;
  let begun = false;
  async function end(exitCode: number): Promise<void> {
    const ended = current;
    current = undefined;
    await ended?.close({ exitCode });
  }

  return {
    end,
    async begin(stage) {
      await end(0);
      // What has been trained for days does not end because of a refusal between two stages.
      current = await open(stage, !begun);
      begun = true;
      return current;
    },
    async finish(stage) {
      const journal = await WandbJournal.open(outbox(stage));
      if (journal.lastStep >= 0 && journal.state.ended !== 0) await (await open(stage, false)).close();
    },
  };
}

async function openFile(file: string, { project, entity }: RunOnWandb): Promise<WandbFile> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) {
    const id = randomUUID().replaceAll("-", "").slice(0, 8);
    const made: WandbFile = { version: 1, id, project, entity: entity ?? null };
    await writeFileAtomically(file, `${JSON.stringify(made, null, 2)}\n`);
    return made;
  }
  const found = parse(text);
  if (found === undefined) {
    throw new CheckpointError(`${file} is not what this version of noisereel writes; remove ${path.dirname(file)}`);
  }
  const there = found.entity === null ? found.project : `${found.entity}/${found.project}`;
  if (found.project !== project || (entity !== undefined && found.entity !== entity)) {
    throw new ConfigError(
      `the run's curves are in the Weights & Biases project "${there}"; name that, or use another folder`,
    );
  }
  return found;
}

function parse(text: string): WandbFile | undefined {
  try {
    const found = JSON.parse(text) as WandbFile;
    return found.version === 1 ? found : undefined;
  } catch {
    return undefined;
  }
}
