// What was finished, noted line by line in a folder that many processes share. Each process appends to a file of its own, so
// nothing is overwritten and nobody waits for another; a line that a kill cut off is passed over.
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { ClipError, type JsonValue } from "@noisereel/core";

export interface Journal {
  /** Notes a result. It is on its way to the disk when this returns; `close` waits for all. */
  add(key: string, result: JsonValue): Promise<void>;
  close(): Promise<void>;
}

const ending = ".jsonl";

/** Begins a file in `folder`, made when it is first needed. `name` says whose it is. */
export function openJournal(folder: string, name: string): Journal {
  const file = path.join(folder, `${name}-${randomUUID().slice(0, 8)}${ending}`);
  const refused = (cause: Error): never => {
    throw new ClipError(`cannot write ${file}: ${cause.message}`, { path: file, cause });
  };
  let opened: ReturnType<typeof open> | undefined;
  let last = Promise.resolve();
  return {
    add(key, result) {
      opened ??= mkdir(folder, { recursive: true }).then(() => open(file, "a"));
      const handle = opened;
      // One after the other: lines never mix.
      last = last.then(async () => (await handle).appendFile(`${JSON.stringify({ key, result })}\n`));
      return last.catch(refused);
    },
    async close() {
      await last.catch(() => undefined); // told by `add`
      await opened?.then(
        (handle) => handle.close(),
        () => undefined,
      );
    },
  };
}

/** The results of `keys` in all journals of `folder`; none when there is no such folder. */
export async function readJournals(folder: string, keys: ReadonlySet<string>): Promise<Map<string, JsonValue>> {
  const results = new Map<string, JsonValue>();
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const name of names.filter((name) => name.endsWith(ending)).toSorted()) {
    const lines = createInterface({ input: createReadStream(path.join(folder, name)), crlfDelay: Infinity });
    for await (const line of lines) {
      const key = /^\{"key":"([^"]+)"/.exec(line)?.[1]; // most lines may be others' work: they are not parsed
      if (key === undefined || !keys.has(key)) continue;
      const result = resultOf(line);
      if (result !== undefined) results.set(key, result);
    }
  }
  return results;
}

function resultOf(line: string): JsonValue | undefined {
  try {
    return (JSON.parse(line) as { readonly result?: JsonValue }).result;
  } catch {
    return undefined; // cut off by a kill: done again
  }
}
