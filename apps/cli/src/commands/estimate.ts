// noisereel estimate: what a run will cost, before it begins.
import type { Command } from "commander";
import type { CommandContext } from "../context.js";
import { integer } from "../options.js";
import { addRecipeOptions, type RecipeArguments } from "./recipe-options.js";

export function addEstimate(program: Command, context: CommandContext): void {
  addRecipeOptions(program.command("estimate"))
    .summary("say what training a recipe will cost")
    .description(
      "Opens each stage of a recipe, runs a few of its steps on its own data and shapes, and says what the run will take: " +
        "parameters, memory, seconds, disk, and which clips are left out and why. It writes nothing.",
    )
    .option("--steps <count>", "steps of each stage that are timed", integer(1), 3)
    .option("--json", "prints one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel estimate stages-small
  $ noisereel estimate stages-small --stage stage-4 --set stages.stage-4.batch=2
  $ noisereel estimate my-recipe.ts --json`,
    )
    .action(async (recipe: string, options: RecipeArguments & { readonly steps: number; readonly json?: true }) => {
      const { estimateRecipe } = await import("../actions/estimate.js");
      await estimateRecipe(recipe, options, context);
    });
}
