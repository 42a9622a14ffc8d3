// `--from`: a stage of the run, a folder with checkpoints of any run, or a folder with models.
import { CheckpointError } from "@noisereel/core";
import { stat } from "node:fs/promises";
import path from "node:path";
import { folderStore } from "../checkpoint/folder-store.js";
import { latestCheckpoint } from "../checkpoint/latest.js";
import type { StartFrom } from "../train-options.js";
import { isModelFolder, readModelFolder } from "./model-folder.js";

/**
 * What stage weights to begin with: the name itself when it is one of `stages`, else a reader of the checkpoint in that
 * folder, of the newest one in a folder of checkpoints, or of models in diffusers' layout. Throws CheckpointError when there is
 * none.
 */
export async function resolveStart(from: string, stages: readonly string[]): Promise<string | StartFrom> {
  if (stages.includes(from)) return from;
  const folder = path.resolve(from);
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) {
    throw new CheckpointError(
      `"${from}" is neither a stage (${stages.join(", ")}) nor a folder with checkpoints or models`,
    );
  }
  const isCheckpoint = await stat(path.join(folder, "manifest.json")).then(
    () => true,
    () => false,
  );
  if (isCheckpoint) return async () => folderStore(path.dirname(folder)).load(path.basename(folder));
  if (await isModelFolder(folder)) return async ({ modules }) => readModelFolder(folder, modules);
  const found = await latestCheckpoint(folderStore(folder));
  if (found === undefined) {
    throw new CheckpointError(
      `${from} holds no checkpoint that verifies and no model; name a folder such as runs/NAME/checkpoints/STAGE, one step of it, or runs/NAME/models/STAGE`,
    );
  }
  return async () => found.checkpoint;
}
