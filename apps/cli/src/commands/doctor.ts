// noisereel doctor: what this machine can run, and why the rest cannot.
import type { Command } from "commander";
import type { CommandContext } from "../context.js";

export function addDoctor(program: Command, context: CommandContext): void {
  program
    .command("doctor")
    .summary("say what this machine can run, and why the rest cannot")
    .description(
      "Tries every backend, looks for the optional packages and for ffmpeg, and says what works and why the rest " +
        "does not. It changes nothing.",
    )
    .option("--json", "prints one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel doctor
  $ noisereel doctor --json > machine.json`,
    )
    .action(async (options: { readonly json?: true }) => {
      const { inspectMachine, machineTable } = await import("../actions/doctor.js");
      const report = await inspectMachine();
      const lines = options.json === true ? [JSON.stringify(report, null, 2)] : machineTable(report);
      for (const line of lines) context.terminal.print(line);
    });
}
