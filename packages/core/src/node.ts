// What needs a file system. Kept apart so that the rest also runs in browsers.
export { temporaryPrefix, writeFileAtomically, writeFolderAtomically } from "./files.js";
export {
  openSafetensors,
  readSafetensors,
  readWeights,
  type SafetensorsFile,
  writeSafetensors,
} from "./safetensors/files.js";
