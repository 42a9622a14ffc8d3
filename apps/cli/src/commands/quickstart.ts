// noisereel quickstart: the whole system on the shipped clips.
import type { Command } from "commander";
import type { QuickstartArguments } from "../actions/quickstart.js";
import type { CommandContext } from "../context.js";
import { nonEmpty } from "../options.js";

export function addQuickstart(program: Command, context: CommandContext): void {
  program
    .command("quickstart")
    .summary("train and sample the whole system on the shipped clips, in minutes")
    .description(
      "Runs the whole system on real clips: trains a causal video autoencoder, encodes the clips, trains a " +
        "text-to-video denoiser in two stages, samples a clip for every caption and writes a report. " +
        "Stop it with Ctrl-C whenever you like: the same command goes on where it stopped.",
    )
    .option("-o, --out <folder>", "folder of the run", nonEmpty, "runs/quickstart")
    .option("-m, --manifest <file>", "clips with captions, JSON lines (default: the shipped clips)", nonEmpty)
    .option("--fresh", "removes what an earlier run left in the folder and begins again")
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel quickstart
  $ noisereel quickstart --out runs/mine --manifest my-clips/manifest.jsonl
  $ noisereel quickstart --fresh`,
    )
    .action(async (options: QuickstartArguments) => {
      const { quickstart } = await import("../actions/quickstart.js");
      await quickstart(options, context);
    });
}
