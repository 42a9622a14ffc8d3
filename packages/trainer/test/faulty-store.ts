// A folder store that "crashes": it leaves what a killed process or a power cut leaves, and throws.
import type { Checkpoint, CheckpointStore } from "@noisereel/core";
import { temporaryPrefix } from "@noisereel/core/node";
import { folderStore } from "@noisereel/trainer/node";
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";

export class Crash extends Error {
  override readonly name = "Crash";
}

export const crashes = ["before", "half-written", "torn", "empty-folder", "flipped", "after"] as const;
export type CrashKind = (typeof crashes)[number];

/** `next` says of every save whether and how it crashes. */
export function faultyStore(folder: string, next: (id: string) => CrashKind | undefined): CheckpointStore {
  const store = folderStore(folder, { keep: 2 });
  return {
    ...store,
    async save(id, checkpoint) {
      const kind = next(id);
      if (kind === undefined) return store.save(id, checkpoint);
      if (kind === "after") await store.save(id, checkpoint);
      else await leaveBehind(folder, id, checkpoint, kind);
      throw new Crash(`${kind} ${id}`);
    },
  };
}

async function leaveBehind(folder: string, id: string, checkpoint: Checkpoint, kind: CrashKind): Promise<void> {
  if (kind === "before") return;
  // A whole checkpoint, made beside the real ones, and then spoilt.
  const workshop = path.join(folder, `${temporaryPrefix}workshop`);
  await folderStore(workshop).save(id, checkpoint);
  const files = (await readdir(path.join(workshop, id))).toSorted((a, b) => (a < b ? -1 : 1));
  const weights = path.join(workshop, id, "weights.safetensors");
  // A file system that does not keep the order of writes may show the new name before the data.
  const target = kind === "half-written" ? path.join(folder, `${temporaryPrefix}${id}`) : path.join(folder, id);
  if (kind === "half-written") await rm(path.join(workshop, id, files.at(-1)!));
  if (kind === "torn") await truncate(weights, Math.floor((await readFile(weights)).length / 2));
  if (kind === "flipped") {
    const bytes = await readFile(weights);
    bytes[bytes.length - 1]! ^= 4;
    await writeFile(weights, bytes);
  }
  if (kind === "empty-folder") await mkdir(target, { recursive: true });
  else await cp(path.join(workshop, id), target, { recursive: true });
  await rm(workshop, { recursive: true });
}
