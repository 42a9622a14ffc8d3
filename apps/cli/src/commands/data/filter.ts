// noisereel data filter: measures as columns, thresholds as a judgement beside them.
import type { Command } from "commander";
import type { FilterArguments } from "../../actions/data/filter.js";
import type { CommandContext } from "../../context.js";
import { integer, nonEmpty } from "../../options.js";
import { addPartOptions } from "./part-options.js";
import { several } from "./values.js";

export function addFilter(data: Command, context: CommandContext): void {
  addPartOptions(data.command("filter"))
    .summary("measure every clip and mark those that are good enough")
    .description(
      "Writes the manifest again with columns: motion, static_share, brightness, black_share, white_share, sharpness, " +
        "border, overlay, dhash and duplicate_of. With --require each clip also gets keep and, when it is false, failed. " +
        "Every clip stays in the manifest. Clips that were measured before are not measured again, and a run that was stopped goes on.",
    )
    .argument("<manifest>", "a manifest, or a folder of videos")
    .requiredOption(
      "-o, --out <manifest>",
      "the manifest with columns: .jsonl, .json, .csv, .tsv or .parquet",
      nonEmpty,
    )
    .option("--require <condition>", 'such as "motion >= 0.003" or "no duplicate_of"; may be repeated', several)
    .option("--remeasure", "measures again what was measured before")
    .option("--distance <bits>", "bits of 192 in which duplicates may differ (default: 10)", integer(0, 47))
    .option("--root <folder>", "folder that relative paths are joined to (default: the manifest's)", nonEmpty)
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data filter clips.jsonl --out measured.jsonl
  $ noisereel data filter measured.jsonl --out good.jsonl --require "motion >= 0.003" --require "no duplicate_of"
  $ noisereel data filter clips.csv --out clips.parquet --require "sharpness > 30" --require "border < 0.05"
  $ noisereel data filter clips.jsonl --out measured.jsonl --shard auto    # in a Slurm array or a Kubernetes indexed Job
  $ noisereel data filter clips.jsonl --out measured.jsonl --merge`,
    )
    .action(async (manifest: string, options: FilterArguments) => {
      const { filter } = await import("../../actions/data/filter.js");
      await filter(manifest, options, context);
    });
}
