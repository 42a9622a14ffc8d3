// noisereel estimate: what a run will cost, before it begins.
import type { Command } from "commander";
import { Option } from "commander";
import type { EstimateArguments } from "../actions/estimate.js";
import type { CommandContext } from "../context.js";
import { integer, nonEmpty } from "../options.js";
import { addRecipeOptions } from "./recipe-options.js";

export function addEstimate(program: Command, context: CommandContext): void {
  addRecipeOptions(program.command("estimate"))
    .summary("say what training a recipe will cost")
    .description(
      "Opens each stage of a recipe, runs its first steps on its own data and shapes until they have settled, does once or a few " +
        "times what else a run does (encoding clips, held-out losses, samples, saving), and says what all of it will take: " +
        "parameters, memory, seconds, disk, and which clips are left out and why. A recipe that can compute activations again " +
        "in the backward pass is measured both ways. Each measurement is a process of its own. It writes to a temporary folder " +
        "only.",
    )
    .option("--steps <count>", "steps of each stage that are timed (default: until they have settled)", integer(1))
    .option("--steps-only", "leaves out what a run does beside its steps")
    .option(
      "-o, --out <folder>",
      "folder of a run that has begun: what it has made already is used, e.g. an autoencoder",
      nonEmpty,
    )
    .option("--json", "prints one JSON object")
    .addOption(new Option("--here", "measures in this process").hideHelp())
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel estimate stages-small
  $ noisereel estimate stages-small --stage stage-4 --set stages.stage-4.batch=2
  $ noisereel estimate my-recipe.ts --json`,
    )
    .action(async (recipe: string, options: EstimateArguments) => {
      const { estimateRecipe } = await import("../actions/estimate.js");
      await estimateRecipe(recipe, options, context);
    });
}
