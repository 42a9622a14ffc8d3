// A tracker as another author would write it: one file that knows nothing but the contracts.
import { ConfigError, type Tracker } from "@noisereel/core";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * A table for spreadsheets: `step,name,value` lines in `file`. A step that comes again replaces what was told of it and of
 * later ones by then.
 */
export function csvTracker(file: string): Tracker {
  let lines: string[] | undefined;
  let last = -Infinity;
  return {
    name: "csv",
    async scalars(step, values) {
      const names = Object.keys(values);
      const comma = names.find((name) => name.includes(","));
      if (comma !== undefined) throw new ConfigError(`"${comma}" has a comma; rename it, commas part the columns`);
      if (names.length === 0) return;
      lines ??= await readLines(file);
      if (step < last || last === -Infinity) lines = lines.filter((line) => Number(line.split(",")[0]) < step);
      last = step;
      lines.push(...names.map((name) => `${step},${name},${values[name]}`));
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, lines.map((line) => `${line}\n`).join(""));
    },
  };
}

async function readLines(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").filter((line) => line !== "");
}
