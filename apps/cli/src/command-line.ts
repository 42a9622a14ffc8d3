// The program: its commands, its help, and from arguments to an exit code.
import { Command } from "commander";
import { readFileSync } from "node:fs";
import { addData } from "./commands/data/index.js";
import { addDoctor } from "./commands/doctor.js";
import { addEstimate } from "./commands/estimate.js";
import { addQuickstart } from "./commands/quickstart.js";
import { addReconstruct } from "./commands/reconstruct.js";
import { addRuns } from "./commands/runs.js";
import { addSample } from "./commands/sample.js";
import { addTrain } from "./commands/train.js";
import type { CommandContext } from "./context.js";
import { exitCodes, reportError } from "./errors.js";

/** Runs `noisereel` with `args` (without node and script) and returns the exit code. Throws nothing. */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  const program = createProgram(context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCodes.success;
  } catch (error) {
    const verbose = program.opts<{ verbose?: true }>().verbose === true;
    return await reportError(error, { note: (line) => context.terminal.note(line), verbose });
  }
}

export function createProgram(context: CommandContext): Command {
  const { terminal } = context;
  const program = new Command("noisereel")
    .description("Text-to-video diffusion on your own machine: train, sample, reconstruct.")
    .version(readVersion(), "-V, --version", "prints the version")
    .option("--verbose", "shows where an error happened")
    .helpOption("-h, --help", "shows this help")
    .helpCommand("help [command]", "shows the help of a command")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      outputError: (text, write) => write(oneSentence(text)),
    })
    .exitOverride();
  program.addHelpText(
    "after",
    `
Examples:
  $ noisereel quickstart
  $ noisereel train stages-small --dry-run
  $ noisereel sample "a cockatoo turns its head" --seed 7
  $ noisereel reconstruct clips/cockatoo.mp4 --out cockatoo.mp4 --side-by-side
  $ noisereel data check clips/manifest.jsonl
  $ noisereel doctor`,
  );
  for (const add of [addQuickstart, addSample, addReconstruct, addTrain, addEstimate, addRuns, addData, addDoctor])
    add(program, context);
  return program;
}

/** commander puts its suggestion on a second line. */
function oneSentence(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  return manifest.version;
}
