// noisereel data stats: what a manifest says, in numbers.
import { type Command, InvalidArgumentError } from "commander";
import type { StatsArguments } from "../../actions/data/stats.js";
import type { CommandContext } from "../../context.js";
import { nonEmpty } from "../../options.js";
import { addPartOptions } from "./part-options.js";

export function addStats(data: Command, context: CommandContext): void {
  addPartOptions(data.command("stats"))
    .summary("say how long captions and clips are")
    .description(
      "Prints mean, largest and standard deviation of the captions' lengths, how many of them a number of tokens holds, and " +
        "the distribution of every column that holds numbers. Opens no video. Lengths are words unless a tokenizer is given. With --out, a count that was stopped goes on.",
    )
    .argument("<manifest>", "a manifest, or a folder of videos")
    .option("--tokenizer <file>", "a T5 tokenizer.json or spiece.model: counts its tokens, the end included", nonEmpty)
    .option("--lengths <numbers>", "token lengths to give the coverage of (default: 77,120,226,300,512)", integers)
    .option("--json", "prints one JSON object")
    .option("-o, --out <file>", "writes the JSON object into a file", nonEmpty)
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data stats clips.jsonl
  $ noisereel data stats clips.jsonl --tokenizer t5/tokenizer.json --lengths 120,300
  $ noisereel data stats clips.parquet --json > stats.json
  $ noisereel data stats clips.jsonl --tokenizer t5/tokenizer.json --out stats.json --shard 0/8    # and 1/8 to 7/8
  $ noisereel data stats clips.jsonl --tokenizer t5/tokenizer.json --out stats.json --merge`,
    )
    .action(async (manifest: string, options: StatsArguments) => {
      const { stats } = await import("../../actions/data/stats.js");
      await stats(manifest, options, context);
    });
}

function integers(text: string): number[] {
  const values = text.split(",").map(Number);
  if (values.some((value) => !Number.isInteger(value) || value < 1)) {
    throw new InvalidArgumentError("Use positive integers with commas between them.");
  }
  return values;
}
