// Small helpers about files on disk.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@noisereel/core";
import { temporaryPrefix } from "@noisereel/core/node";

/** Throws a `ClipError` with one sentence when `file` is missing, empty or not a file. Returns its size in bytes. */
export async function requireFile(file: string): Promise<number> {
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "does not exist" : `cannot be opened (${cause.code ?? cause.message})`;
    throw new ClipError(`${file} ${why}; check the path`, { path: file, cause });
  });
  if (!found.isFile())
    throw new ClipError(`${file} is not a file; give the path of one video or image`, { path: file });
  if (found.size === 0) throw new ClipError(`${file} is empty (0 bytes); get it again`, { path: file });
  return found.size;
}

/**
 * Lets `fill` write a temporary file beside `file` and renames it when that succeeds; otherwise nothing is left. Makes the
 * folder when it is not there.
 */
export async function replaceFile<Result>(file: string, fill: (temporary: string) => Promise<Result>): Promise<Result> {
  const name = `${temporaryPrefix}${randomUUID().slice(0, 8)}-${path.basename(file)}`;
  const temporary = path.join(path.dirname(file), name);
  const refused = (cause: Error): never => {
    throw new ClipError(`cannot write ${file}: ${cause.message}`, { path: file, cause });
  };
  await mkdir(path.dirname(file), { recursive: true }).catch(refused);
  try {
    const result = await fill(temporary);
    await rename(temporary, file).catch(refused);
    return result;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

/** The sha256 of a file's bytes in hexadecimal, read as a stream. */
export async function fileSha256(file: string, options: { readonly signal?: AbortSignal } = {}): Promise<string> {
  await requireFile(file);
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash, options);
  return hash.digest("hex");
}
