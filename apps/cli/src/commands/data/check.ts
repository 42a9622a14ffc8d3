// noisereel data check: the doctor of a data set.
import { type Command, InvalidArgumentError } from "commander";
import type { CheckArguments } from "../../actions/data/check.js";
import type { CommandContext } from "../../context.js";
import { integer, nonEmpty } from "../../options.js";
import { addPartOptions } from "./part-options.js";
import { several } from "./values.js";

export function addCheck(data: Command, context: CommandContext): void {
  addPartOptions(data.command("check"))
    .summary("open every file and say what is wrong with it, line by line")
    .description(
      "Decodes every clip of a manifest to its end, compares it with what the manifest says, and prints each problem with " +
        "its line, its reason and what to do about it. Ends with 1 when there are errors. With --out, a check that was " +
        "stopped goes on when the same command is given again.",
    )
    .argument("<manifest>", "a manifest, or a folder of videos")
    .option("--frames <count>", "frames that you train at: shorter clips are warned about", integer(1))
    .option("--size <pixels>", "size that you train at: smaller clips are warned about", integer(1))
    .option("--bucket <shape>", "shapes such as 17x256x256: counts the clips of each; may be repeated", several)
    .option("--root <folder>", "folder that relative paths are joined to (default: the manifest's)", nonEmpty)
    .option("--caption-field <name>", "key of the captions (default: cap)", nonEmpty)
    .option("-o, --out <file>", "writes a report with pictures: .html or .json", reportFile)
    .option("--limit <count>", "problems that are printed (default: 20)", integer(0))
    .option("--strict", "warnings count as errors")
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data check clips/manifest.jsonl
  $ noisereel data check clips.csv --caption-field text --frames 65 --size 512 --out report.html
  $ noisereel data check shards/ --bucket 17x256x256 --bucket 65x256x256 --strict
  $ noisereel data check clips.jsonl --out report.html --shard 0/8    # and 1/8 to 7/8, on any machines
  $ noisereel data check clips.jsonl --out report.html --merge`,
    )
    .action(async (manifest: string, options: CheckArguments) => {
      const { check } = await import("../../actions/data/check.js");
      await check(manifest, options, context);
    });
}

function reportFile(text: string): string {
  if (!/\.(html|json)$/i.test(text)) throw new InvalidArgumentError("Use a file that ends in .html or .json.");
  return text;
}
