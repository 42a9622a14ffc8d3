// noisereel data cache: the keeper of cached latents.
import type { Command } from "commander";
import type { CacheArguments } from "../../actions/data/cache.js";
import type { CommandContext } from "../../context.js";
import { addPartOptions } from "./part-options.js";

export function addCache(data: Command, context: CommandContext): void {
  addPartOptions(data.command("cache"))
    .summary("say what a latent cache holds, verify it, tidy it up")
    .description(
      "Prints the shards of a latent cache and whose latents they hold. --verify compares every shard with its sha256 and " +
        "ends with 1 when one is damaged. --prune deletes damaged shards and what killed writers left; sound latents stay. " +
        "With --shard only a share of the cache's shards is read; --merge says, or deletes, what all shares found.",
    )
    .argument("<folder>", "folder of the cache")
    .option("--verify", "reads every shard")
    .option("--prune", "deletes what is of no use")
    .option("--json", "prints one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data cache runs/quickstart/latents
  $ noisereel data cache cache --verify
  $ noisereel data cache cache --prune
  $ noisereel data cache cache --verify --shard 0/8    # and 1/8 to 7/8, on any machines
  $ noisereel data cache cache --verify --prune --merge`,
    )
    .action(async (folder: string, options: CacheArguments) => {
      const { cache } = await import("../../actions/data/cache.js");
      await cache(folder, options, context);
    });
}
