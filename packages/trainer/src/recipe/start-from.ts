// `--from`: a stage of the run, or a folder with checkpoints of any run.
import { type Checkpoint, CheckpointError } from "@noisereel/core";
import { stat } from "node:fs/promises";
import path from "node:path";
import { folderStore } from "../checkpoint/folder-store.js";
import { latestCheckpoint } from "../checkpoint/latest.js";

/**
 * What stage weights to begin with: the name itself when it is one of `stages`, else a reader of the checkpoint in that
 * folder, or of the newest one in a folder of checkpoints. Throws CheckpointError when there is none.
 */
export async function resolveStart(
  from: string,
  stages: readonly string[],
): Promise<string | (() => Promise<Checkpoint>)> {
  if (stages.includes(from)) return from;
  const folder = path.resolve(from);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new CheckpointError(`"${from}" is neither a stage (${stages.join(", ")}) nor a folder with checkpoints`);
  }
  const isCheckpoint = await stat(path.join(folder, "manifest.json")).then(
    () => true,
    () => false,
  );
  if (isCheckpoint) return async () => folderStore(path.dirname(folder)).load(path.basename(folder));
  const found = await latestCheckpoint(folderStore(folder));
  if (found === undefined) {
    throw new CheckpointError(
      `${from} holds no checkpoint that verifies; name a folder such as runs/NAME/checkpoints/STAGE, or one step of it`,
    );
  }
  return async () => found.checkpoint;
}
