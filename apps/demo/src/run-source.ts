// The run behind the page: opened when it is first needed, looked for again as long as there is none.
import { ConfigError } from "@noisereel/core";
import type { TrainedRun } from "@noisereel/recipes";
import { findLatestRun } from "@noisereel/recipes/latest-run";
import { limitsOf, readPatchSize } from "./limits.js";
import type { Studio } from "./protocol.js";

export interface RunSource {
  /** What the page shows: the run's limits and examples, or why there is none. */
  describe(): Promise<Studio>;
  /** Throws ConfigError when there is none. */
  open(): Promise<TrainedRun>;
  close(): Promise<void>;
}

export interface RunSourceOptions {
  readonly openRun: (folder: string) => Promise<TrainedRun>;
  /** Default: the latest finished run in `runsFolder`. */
  readonly folder?: string;
  /** Default `runs`. */
  readonly runsFolder?: string;
}

export function runSource(options: RunSourceOptions): RunSource {
  const { openRun, runsFolder = "runs" } = options;
  let opened: Promise<{ readonly run: TrainedRun; readonly studio: Studio }> | undefined;
  const open = (): NonNullable<typeof opened> => {
    opened ??= load();
    opened.catch(() => {
      opened = undefined; // the next request looks again
    });
    return opened;
  };
  async function load(): Promise<{ run: TrainedRun; studio: Studio }> {
    const folder = options.folder ?? (await findLatestRun({ runsFolder }));
    if (folder === undefined) {
      throw new ConfigError(`There is no trained run in ${runsFolder} yet; npm run quickstart makes one.`);
    }
    const run = await openRun(folder);
    const { fps, ...defaults } = run.defaults;
    const limits = limitsOf(run, await readPatchSize(folder));
    return { run, studio: { ready: true, run: folder, fps, defaults, limits, examples: run.captions } };
  }
  return {
    describe: () =>
      open().then(
        ({ studio }) => studio,
        (error: Error): Studio => ({ ready: false, problem: error.message }),
      ),
    open: async () => (await open()).run,
    async close() {
      await opened?.then(
        ({ run }) => run.dispose(),
        () => undefined,
      );
    },
  };
}
