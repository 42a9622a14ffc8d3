// Which run a command uses when none is named.
import { ConfigError } from "@noisereel/core";
import { readdir, stat } from "node:fs/promises";
import path from "node:path";

/** A finished run has this file. */
const reportName = "report.json";

/** The folder of the run that was finished last. Throws ConfigError when there is none. */
export async function findLatestRun(options: { readonly runsFolder: string }): Promise<string> {
  const { runsFolder } = options;
  const names = await readdir(runsFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  let latest: { readonly folder: string; readonly time: number } | undefined;
  for (const name of names) {
    const folder = path.join(runsFolder, name);
    const time = await stat(path.join(folder, reportName)).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined, // not a run, or not finished
    );
    if (time !== undefined && (latest === undefined || time > latest.time)) latest = { folder, time };
  }
  if (latest !== undefined) return latest.folder;
  throw new ConfigError(
    `there is no finished run in ${runsFolder}; make one with \`noisereel quickstart\`, or name a folder with --run`,
  );
}
