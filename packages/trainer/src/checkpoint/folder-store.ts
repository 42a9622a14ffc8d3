// Checkpoints as folders that are either whole or not there.
import { type Checkpoint, CheckpointError, type CheckpointStore, ConfigError } from "@noisereel/core";
import {
  readSafetensors,
  temporaryPrefix,
  writeFileAtomically,
  writeFolderAtomically,
  writeSafetensors,
} from "@noisereel/core/node";
import { mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { buildManifest, manifestName, readManifest, verifyFiles } from "./manifest.js";
import { joinParts, splitParts } from "./parts.js";

export interface FolderStoreOptions {
  /** Checkpoints to keep; older ones are removed after a new one is safe. 1 or more. Default 3. */
  readonly keep?: number;
}

/** One folder in the store, and why it cannot be used if it cannot. */
export interface FolderReport {
  readonly id: string;
  readonly problem: string | undefined;
}

export interface FolderStore extends CheckpointStore {
  readonly folder: string;
  /** Every checkpoint folder, oldest first, the damaged ones with their problem. */
  inspect(): Promise<readonly FolderReport[]>;
}

/**
 * Keeps each checkpoint as `folder/<id>/` with one safetensors file for each part (`weights`, `ema`, `optimizer-…`) and a
 * `manifest.json` that holds the meta data and the SHA-256 of every file. A folder is written under a temporary name,
 * flushed to the disk and renamed; only then are old ones removed. One process may write at a time.
 */
export function folderStore(folder: string, options: FolderStoreOptions = {}): FolderStore {
  const keep = options.keep ?? 3;
  if (!(Number.isInteger(keep) && keep >= 1)) throw new ConfigError(`keep is ${keep}; use a whole number of 1 or more`);
  const at = (id: string): string => path.join(folder, checkId(id));

  async function inspect(): Promise<readonly FolderReport[]> {
    const reports: FolderReport[] = [];
    for (const id of await folderIds(folder)) reports.push({ id, problem: await problemOf(at(id)) });
    return reports;
  }

  return {
    name: `folder ${folder}`,
    folder,
    inspect,
    list: async () => (await inspect()).filter(({ problem }) => problem === undefined).map(({ id }) => id),

    async load(id, { signal, onProgress } = {}) {
      const source = at(id);
      const manifest = await readManifest(source);
      await verifyFiles(source, manifest);
      const parts = new Map<string, Checkpoint["tensors"]>();
      const files = Object.entries(manifest.files);
      for (const [name, { bytes }] of files) {
        signal?.throwIfAborted();
        parts.set(name.slice(0, -extension.length), (await readSafetensors(path.join(source, name))).tensors);
        onProgress?.({ type: "load", file: name, loaded: bytes, total: bytes });
      }
      return { tensors: joinParts(parts), meta: manifest.meta };
    },

    async save(id, checkpoint, { signal } = {}) {
      const target = at(id);
      signal?.throwIfAborted();
      try {
        await mkdir(folder, { recursive: true });
        await removeLeftovers(folder);
        await writeFolderAtomically(target, async (temporary) => {
          const files: string[] = [];
          for (const [part, tensors] of splitParts(checkpoint.tensors)) {
            const name = part + extension;
            await writeSafetensors(path.join(temporary, name), tensors);
            files.push(name);
          }
          const manifest = await buildManifest(temporary, id, files, checkpoint.meta);
          await writeFileAtomically(path.join(temporary, manifestName), JSON.stringify(manifest));
        });
      } catch (cause) {
        throw new CheckpointError(
          `cannot save checkpoint ${id} in ${folder}: ${(cause as Error).message}; the checkpoints before it are untouched; make room or fix the permissions and run again`,
          { cause },
        );
      }
      await prune(folder, keep, id);
    },

    async remove(id) {
      await rm(at(id), { recursive: true, force: true });
    },
  };
}

const extension = ".safetensors";

/** Names of the checkpoint folders, oldest first: by the number they end in, then by name. */
async function folderIds(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new CheckpointError(`cannot read ${folder}: ${error.message}`, { cause: error });
  });
  const ids = entries.filter((entry) => entry.isDirectory() && idPattern.test(entry.name)).map(({ name }) => name);
  const number = (id: string): number => Number(/\d+$/.exec(id)?.[0] ?? -1);
  return ids.toSorted((a, b) => number(a) - number(b) || (a < b ? -1 : 1));
}

/** A name that starts with a letter or digit, so that neither temporary folders nor paths are mistaken for one. */
const idPattern = /^[a-z0-9][\w.-]*$/i;

function checkId(id: string): string {
  if (idPattern.test(id)) return id;
  throw new ConfigError(`id is "${id}"; use letters, digits, dots, dashes and underscores, e.g. step-000100`);
}

async function problemOf(folder: string): Promise<string | undefined> {
  try {
    await verifyFiles(folder, await readManifest(folder));
    return undefined;
  } catch (error) {
    if (CheckpointError.isInstance(error)) return (error as CheckpointError).message;
    throw error;
  }
}

/** What an interrupted writer left. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(temporaryPrefix)) await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

/** Removes all but the newest `keep` of the folders that have a manifest. `saved` was just verified and stays. */
async function prune(folder: string, keep: number, saved: string): Promise<void> {
  const whole: string[] = [];
  for (const id of await folderIds(folder)) {
    const readable = await readManifest(path.join(folder, id)).then(
      () => true,
      () => false,
    );
    if (readable) whole.push(id);
  }
  for (const id of whole.slice(0, -keep)) {
    if (id !== saved) await rm(path.join(folder, id), { recursive: true, force: true });
  }
}
