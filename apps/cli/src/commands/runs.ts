// noisereel runs: what was trained, how it went, and which went better.
import type { Command } from "commander";
import type { CommandContext } from "../context.js";
import { nonEmpty } from "../options.js";

export function addRuns(program: Command, context: CommandContext): void {
  const runs = program
    .command("runs")
    .summary("list, show and compare training runs")
    .description("Looks at the folders that `noisereel train` made. They are only read, but for the pages asked for.")
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel runs list
  $ noisereel runs show runs/stages-small --html
  $ noisereel runs compare runs/a runs/b --html compare.html`,
    );
  runs
    .command("list")
    .summary("list the runs in a folder")
    .argument("[folder]", "folder of runs", "runs")
    .action(async (folder: string) => {
      const { showRuns } = await import("../actions/run-records.js");
      await showRuns(folder, context);
    });
  runs
    .command("show")
    .summary("show a run: its stages, losses and checkpoints")
    .argument("<run>", "folder of the run")
    .option("--html", "writes run.html anew, one page with curves and clips")
    .action(async (folder: string, options: { readonly html?: true }) => {
      const { showRun } = await import("../actions/run-records.js");
      await showRun(folder, options, context);
    });
  runs
    .command("compare")
    .summary("compare runs stage by stage")
    .argument("<runs...>", "folders of two or more runs")
    .option("--html <file>", "writes one page with their curves beside each other", nonEmpty)
    .action(async (folders: readonly string[], options: { readonly html?: string }) => {
      const { compareRuns } = await import("../actions/run-records.js");
      await compareRuns(folders, options, context);
    });
}
