// Small helpers about files on disk.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { ClipError } from "@noisereel/core";
import { temporaryPrefix } from "@noisereel/core/node";

/** A piece of a larger file, for example one member of a tar shard. */
export interface FilePart {
  /** First byte, from 0. */
  readonly offset: number;
  readonly bytes: number;
}

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

/** Throws a `ClipError` when `part` does not lie within a file of `size` bytes. */
export function requirePart(file: string, size: number, part: FilePart | undefined): void {
  if (part === undefined) return;
  const { offset, bytes } = part;
  if (!(Number.isInteger(offset) && offset >= 0 && Number.isInteger(bytes) && bytes > 0 && offset + bytes <= size)) {
    throw new ClipError(
      `${file} has ${size} bytes, which do not hold the part of ${bytes} bytes from ${offset}; it was cut short, or the part is wrong`,
      { path: file },
    );
  }
}

/** The bytes of a part. */
export async function readPart(file: string, part: FilePart): Promise<Uint8Array> {
  requirePart(file, await requireFile(file), part);
  const opened = await open(file, "r");
  try {
    const bytes = new Uint8Array(part.bytes);
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await opened.read(bytes, filled, bytes.length - filled, part.offset + filled);
      if (bytesRead === 0) throw new ClipError(`${file} became shorter while it was read; try again`, { path: file });
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await opened.close();
  }
}

/** The sha256 of a file's bytes, or of a part's, in hexadecimal, read as a stream. */
export async function fileSha256(
  file: string,
  options: { readonly signal?: AbortSignal | undefined; readonly part?: FilePart | undefined } = {},
): Promise<string> {
  const { signal, part } = options;
  requirePart(file, await requireFile(file), part);
  const range = part === undefined ? {} : { start: part.offset, end: part.offset + part.bytes - 1 };
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, range), hash, signal === undefined ? {} : { signal });
  return hash.digest("hex");
}
