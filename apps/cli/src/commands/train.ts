// noisereel train: a recipe, stage by stage.
import type { Command } from "commander";
import type { TrainArguments } from "../actions/train.js";
import type { CommandContext } from "../context.js";
import { integer, nonEmpty, wandbProject } from "../options.js";
import { addRecipeOptions } from "./recipe-options.js";

export function addTrain(program: Command, context: CommandContext): void {
  addRecipeOptions(program.command("train"))
    .summary("train a recipe, stage by stage")
    .description(
      "Trains the stages of a recipe one after the other, each from the weights of the one before. Stop it with Ctrl-C " +
        "whenever you like: it saves, and the same command goes on. The run's folder holds checkpoints, logs, samples, " +
        "finished models and run.html, a page with curves and clips that follows the run.",
    )
    .option("-o, --out <folder>", "folder of the run (default: runs/RECIPE)", nonEmpty)
    .option(
      "--from <start>",
      "where --stage starts from: another stage, or a folder with checkpoints or models",
      nonEmpty,
    )
    .option(
      "--dry-run",
      "measures the first steps of each stage and what else it does, says what the run will cost, and writes nothing",
    )
    .option("--fresh", "removes what an earlier run left in the folder and begins again")
    .option("--keep <count>", "checkpoints of a stage that are kept", integer(1), 3)
    .option("--mpi", "trains on the processes that mpirun or Slurm started; see docs/guide/many-machines.md")
    .option("--tensorboard", "also writes TensorBoard's event files")
    .option(
      "--wandb <project>",
      "also sends curves and clips to Weights & Biases, to PROJECT or ENTITY/PROJECT; the key is in WANDB_API_KEY",
      wandbProject,
    )
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel train stages-small
  $ noisereel train stages-small --set stages.stage-1.steps=500 --set seed=1 --out runs/longer
  $ noisereel train my-recipe.ts --dry-run
  $ noisereel train my-recipe.ts --stage stage-2 --from runs/other/checkpoints/stage-1
  $ WANDB_API_KEY=… noisereel train stages-small --wandb my-team/reels`,
    )
    .action(async (recipe: string, options: TrainArguments) => {
      const { trainRecipe } = await import("../actions/train.js");
      await trainRecipe(recipe, options, context);
    });
}
