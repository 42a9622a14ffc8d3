// Files and folders that are either whole or absent, whatever kills the process.
import { randomUUID } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";

/** Writes `content` to a temporary file beside `file`, flushes it to the disk and renames it. */
export async function writeFileAtomically(
  file: string,
  content: string | Uint8Array | readonly (string | Uint8Array)[],
): Promise<void> {
  const chunks = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = temporaryName(file);
  try {
    const handle = await open(temporary, "wx");
    try {
      for (const chunk of chunks) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Lets `fill` write files into a temporary folder, then renames that to `folder`, replacing what was there. On an error
 * the temporary folder is removed and `folder` is as before.
 */
export async function writeFolderAtomically(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(path.dirname(folder), { recursive: true });
  const temporary = temporaryName(folder);
  try {
    await mkdir(temporary);
    await fill(temporary);
    const old = temporaryName(folder);
    const replaced = await rename(folder, old).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return false;
        throw error;
      },
    );
    await rename(temporary, folder);
    await syncFolder(path.dirname(folder));
    if (replaced) await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

/** Temporary names start with this, so that a reader can tell what an interrupted writer left behind. */
export const temporaryPrefix = ".tmp-";

function temporaryName(target: string): string {
  return path.join(path.dirname(target), `${temporaryPrefix}${path.basename(target)}-${randomUUID().slice(0, 8)}`);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
