// noisereel data cache: the keeper of cached latents.
import type { Command } from "commander";
import type { CacheArguments } from "../../actions/data/cache.js";
import type { CommandContext } from "../../context.js";

export function addCache(data: Command, context: CommandContext): void {
  data
    .command("cache")
    .summary("say what a latent cache holds, verify it, tidy it up")
    .description(
      "Prints the shards of a latent cache and whose latents they hold. --verify compares every shard with its sha256 and " +
        "ends with 1 when one is damaged. --prune deletes damaged shards and what killed writers left; sound latents stay.",
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
  $ noisereel data cache cache --prune`,
    )
    .action(async (folder: string, options: CacheArguments) => {
      const { cache } = await import("../../actions/data/cache.js");
      await cache(folder, options, context);
    });
}
