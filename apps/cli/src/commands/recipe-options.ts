// Options that train and estimate share.
import type { Command } from "commander";
import { nonEmpty } from "../options.js";

export interface RecipeArguments {
  readonly set: readonly string[];
  readonly stage?: string;
}

/** Adds `--set` and `--stage`. */
export function addRecipeOptions(command: Command): Command {
  return command
    .argument("<recipe>", "a preset (stages-small, stages-report) or a file that exports a recipe")
    .option("-s, --stage <name>", "one stage alone", nonEmpty)
    .option(
      "--set <name=value>",
      "an option of the recipe, e.g. stages.stage-1.steps=500; may be repeated",
      collect,
      [],
    );
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}
