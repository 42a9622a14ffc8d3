// A folder of clips as a manifest: pairs of files, or tar shards.
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { LineReport, RawEntry } from "./parse.js";
import { imageEndings, videoEndings } from "./schema.js";
import { readShard } from "./shards.js";

/**
 * Media files below `folder` in the order of their names, each with the caption of its `.txt`. When there are none but tar
 * files, the samples of those.
 */
export async function folderEntries(folder: string, report: LineReport): Promise<RawEntry[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((item) => item.isFile())
    .map((item) => path.relative(folder, path.join(item.parentPath, item.name)))
    .toSorted();
  const names = new Set(files);
  const media = files.filter((name) => [...videoEndings, ...imageEndings].includes(path.extname(name).toLowerCase()));
  if (media.length === 0) {
    const shards: RawEntry[] = [];
    for (const name of files.filter((file) => path.extname(file).toLowerCase() === ".tar")) {
      const told: LineReport = ({ reason, ...problem }) => report({ ...problem, reason: `${name}: ${reason}` });
      shards.push(...(await readShard(path.join(folder, name), told)));
    }
    return shards;
  }
  return Promise.all(
    media.map(async (name) => {
      const text = `${name.slice(0, -path.extname(name).length)}.txt`;
      if (!names.has(text)) return { line: 0, value: { path: name } };
      const cap = (await readFile(path.join(folder, text), "utf8")).trim().replace(/\s*\r?\n\s*/g, " ");
      return { line: 0, value: { path: name, cap } };
    }),
  );
}
