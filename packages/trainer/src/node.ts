// What needs a file system or a process. Kept apart so that the rest also runs in browsers.
export {
  type FolderReport,
  type FolderStore,
  folderStore,
  type FolderStoreOptions,
} from "./checkpoint/folder-store.js";
export { stopOnSignals, type StopOptions } from "./signals.js";
export { mpi, type MpiOptions } from "./distributed/mpi.js";
export { readModelFolder } from "./recipe/model-folder.js";
export { resolveStart } from "./recipe/start-from.js";
export { clipTracker, type ClipTrackerOptions } from "./run/clip-tracker.js";
export { comparePageHtml, runPageHtml, writeRunPage } from "./run/page.js";
export { type ClipFile, listRuns, readRun, runPaths, type RunRecord, type StageRecord } from "./run/read-run.js";
export type { RunInfo } from "./run/run-info.js";
export { runRecipe, type RunRecipeOptions } from "./run/run-recipe.js";
export type { RunOnWandb } from "./run/wandb-run.js";
export { jsonlTracker } from "./trackers/jsonl.js";
export { type TensorboardOptions, tensorboardTracker } from "./trackers/tensorboard.js";
export { wandbCredentials, type WandbAccess, type WandbCredentials } from "./trackers/wandb/credentials.js";
export type { WandbRetries } from "./trackers/wandb/requests.js";
export { type WandbOptions, type WandbTracker, wandbTracker } from "./trackers/wandb/tracker.js";
