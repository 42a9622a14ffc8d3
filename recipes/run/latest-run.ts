// Which run an app uses when none is named. Apart from the rest, so that looking for one loads no models.
import { readdir, stat } from "node:fs/promises";
import path from "node:path";

/** The folder of the run that was finished last, or undefined when there is none: a finished one has its `report.json`. */
export async function findLatestRun(options: { readonly runsFolder: string }): Promise<string | undefined> {
  const { runsFolder } = options;
  const names: readonly string[] = await readdir(runsFolder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  let latest: { readonly folder: string; readonly time: number } | undefined;
  for (const name of names) {
    const folder = path.join(runsFolder, name);
    const time = await stat(path.join(folder, "report.json")).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined, // not a run, or not finished
    );
    if (time !== undefined && (latest === undefined || time > latest.time)) latest = { folder, time };
  }
  return latest?.folder;
}
