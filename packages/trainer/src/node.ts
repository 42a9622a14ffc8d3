// What needs a file system or a process. Kept apart so that the rest also runs in browsers.
export {
  type FolderReport,
  type FolderStore,
  folderStore,
  type FolderStoreOptions,
} from "./checkpoint/folder-store.js";
export { stopOnSignals, type StopOptions } from "./signals.js";
export { jsonlTracker } from "./trackers/jsonl.js";
export { type TensorboardOptions, tensorboardTracker } from "./trackers/tensorboard.js";
