// noisereel data show: clips as a picture.
import type { Command } from "commander";
import type { ShowArguments } from "../../actions/data/show.js";
import type { CommandContext } from "../../context.js";
import { integer, nonEmpty } from "../../options.js";
import { addPartOptions } from "./part-options.js";

export function addShow(data: Command, context: CommandContext): void {
  addPartOptions(data.command("show"))
    .summary("draw clips of a manifest as rows of frames")
    .description("Writes one picture: a row of evenly spaced frames for each clip, and prints their captions.")
    .argument("<manifest>", "a manifest, or a folder of videos")
    .requiredOption("-o, --out <file>", "the picture: .png, .jpg or .webp", nonEmpty)
    .option("--from <number>", "first clip, from 1 (default: 1)", integer(1))
    .option("--count <clips>", "clips that are drawn (default: 8)", integer(1, 100))
    .option("--frames <frames>", "frames of each clip (default: 6)", integer(1, 50))
    .option("--height <pixels>", "height of a row (default: 96)", integer(16, 1080))
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data show clips/manifest.jsonl --out sheet.png
  $ noisereel data show clips.jsonl --out page-2.jpg --from 9 --height 64
  $ noisereel data show clips.jsonl --out sheet.png --count 100 --shard 0/4    # and 1/4 to 3/4, on any machines
  $ noisereel data show clips.jsonl --out sheet.png --count 100 --merge`,
    )
    .action(async (manifest: string, options: ShowArguments) => {
      const { show } = await import("../../actions/data/show.js");
      await show(manifest, options, context);
    });
}
