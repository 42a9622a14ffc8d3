// Which run a command uses when none is named.
import { ConfigError } from "@noisereel/core";
import { findLatestRun } from "@noisereel/recipes/latest-run";

/** The folder of the run that was finished last. Throws ConfigError when there is none. */
export async function requireLatestRun(options: { readonly runsFolder: string }): Promise<string> {
  const latest = await findLatestRun(options);
  if (latest !== undefined) return latest;
  throw new ConfigError(
    `there is no finished run in ${options.runsFolder}; make one with \`noisereel quickstart\`, or name a folder with --run`,
  );
}
