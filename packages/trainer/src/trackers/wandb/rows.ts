// The rows of a journal, read from its file.
import { CheckpointError } from "@noisereel/core";
import { type FileHandle, open, readFile, truncate } from "node:fs/promises";
import type { WandbRow } from "./line.js";

/** Lines end with a line feed; what follows the last one was cut off by a kill. */
export async function dropTornLine(file: string): Promise<void> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (bytes === undefined) return;
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.byteLength) await truncate(file, whole);
}

/** Flushes what was appended to the disk. */
export async function syncFile(file: string): Promise<void> {
  const handle = await openIfThere(file, "r+");
  await handle?.sync();
  await handle?.close();
}

async function openIfThere(file: string, flags = "r"): Promise<FileHandle | undefined> {
  return open(file, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** A row as one line: `readLines` takes the two separators that JSON leaves in texts for ends of lines. */
export function rowLine(row: WandbRow): string {
  return JSON.stringify(row).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
}

function parseRow(line: string, file: string): WandbRow {
  try {
    return JSON.parse(line) as WandbRow;
  } catch {
    throw new CheckpointError(
      `${file} is damaged; use another folder and another runId (in a run folder: remove wandb/)`,
    );
  }
}

/** Rows from a byte on, with the byte after each. Lines of one step are one row, which has the first one's time. */
export async function* readRows(
  file: string,
  from: number,
): AsyncGenerator<{ readonly row: WandbRow; readonly endByte: number }> {
  const handle = await openIfThere(file);
  if (handle === undefined) return;
  let row: WandbRow | undefined;
  let endByte = from;
  try {
    for await (const line of handle.readLines({ start: from, autoClose: false })) {
      const next = parseRow(line, file);
      if (row !== undefined && next.step !== row.step) {
        yield { row, endByte };
        row = undefined;
      }
      row = row === undefined ? next : { ...row, values: { ...row.values, ...next.values } };
      endByte += Buffer.byteLength(line) + 1;
    }
    if (row !== undefined) yield { row, endByte };
  } finally {
    await handle.close();
  }
}
