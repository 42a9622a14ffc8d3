// The manifest of a checkpoint folder: what belongs to it, and proof that it is whole.
import { type Checkpoint, CheckpointError } from "@noisereel/core";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";

export const manifestName = "manifest.json";

export interface Manifest {
  readonly version: 1;
  readonly id: string;
  /** By file name. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  readonly meta: Checkpoint["meta"];
  /** Hash of everything above, so that a changed manifest is noticed too. */
  readonly sha256: string;
}

/** Hashes the files, as read back from the disk, and writes down what they are. */
export async function buildManifest(
  folder: string,
  id: string,
  files: readonly string[],
  meta: Checkpoint["meta"],
): Promise<Manifest> {
  const entries: [string, { bytes: number; sha256: string }][] = [];
  for (const file of files) {
    const full = path.join(folder, file);
    entries.push([file, { bytes: (await stat(full)).size, sha256: await hashFile(full) }]);
  }
  const body = { version: 1, id, files: Object.fromEntries(entries), meta } as const;
  return { ...body, sha256: hashText(JSON.stringify(body)) };
}

/** Reads a folder's manifest. Throws `CheckpointError` with the reason when there is none, or not a whole one. */
export async function readManifest(folder: string): Promise<Manifest> {
  const file = path.join(folder, manifestName);
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new CheckpointError(`${folder} has no readable ${manifestName}; it was not written to its end`, { cause });
  });
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
  } catch (cause) {
    throw new CheckpointError(`${file} is not JSON; it is damaged`, { cause });
  }
  const { sha256, ...body } = manifest;
  if (sha256 !== hashText(JSON.stringify(body))) {
    throw new CheckpointError(`${file} does not fit its own hash; it is damaged or was edited`);
  }
  return manifest;
}

/** Compares every file with the manifest. Throws `CheckpointError` naming the first that differs. */
export async function verifyFiles(folder: string, manifest: Manifest): Promise<void> {
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) throw new CheckpointError(`${file} is missing; the checkpoint is damaged`);
    if (found.size !== bytes) {
      throw new CheckpointError(`${file} has ${found.size} bytes instead of ${bytes}; the checkpoint is damaged`);
    }
    if ((await hashFile(file)) !== sha256) {
      throw new CheckpointError(`${file} does not fit its hash; the checkpoint is damaged`);
    }
  }
}

async function hashFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}

const hashText = (text: string): string => createHash("sha256").update(text).digest("hex");
