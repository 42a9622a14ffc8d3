// noisereel data cut: long videos to clips.
import { type Command, Option } from "commander";
import type { CutArguments } from "../../actions/data/cut.js";
import type { CommandContext } from "../../context.js";
import { integer, nonEmpty, number } from "../../options.js";
import { addPartOptions } from "./part-options.js";

export function addCut(data: Command, context: CommandContext): void {
  addPartOptions(data.command("cut"))
    .summary("find the scenes of videos and list them as clips")
    .description(
      "Finds cuts, fades and flashes, divides long scenes, and writes a manifest of ranges of frames. The videos stay as " +
        "they are; --files writes each clip as a file of its own as well. A run that was stopped goes on when the same command is given " +
        "again.",
    )
    .argument("<videos...>", "the videos")
    .requiredOption("-o, --out <manifest>", "the manifest: .jsonl, .json, .csv, .tsv or .parquet", nonEmpty)
    .addOption(
      new Option("--detector <name>", "content: jumps; adaptive: jumps that stand out from the motion around them")
        .choices(["content", "adaptive"])
        .default("content"),
    )
    .option("--threshold <score>", "score from which a jump is a cut (default: 27, adaptive 15)", number(0.001))
    .option("--min-frames <count>", "shortest scene in frames (default: 15)", integer(0))
    .option("--seconds <number>", "divides scenes into pieces of this length (default: 5)", number(0.01))
    .option("--whole", "leaves scenes whole")
    .option("--stitch", "joins pieces that look alike, drops transitions, stills and clips below two seconds")
    .option("--width <pixels>", "lets ffmpeg scale large videos before they are compared: faster", integer(16))
    .option("--files <folder>", "writes each clip as an .mp4 into this folder, and lists those", nonEmpty)
    .option("--plots <folder>", "writes the score curve of each video as .svg", nonEmpty)
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel data cut film.mp4 --out clips.jsonl
  $ noisereel data cut raw/*.mp4 --out clips.parquet --stitch --width 320 --plots plots
  $ noisereel data cut talk.mov --out clips.jsonl --detector adaptive --whole --files clips
  $ noisereel data cut raw/*.mp4 --out clips.jsonl --shard 0/8    # and 1/8 to 7/8, on any machines
  $ noisereel data cut raw/*.mp4 --out clips.jsonl --merge`,
    )
    .action(async (videos: string[], options: CutArguments) => {
      const { cut } = await import("../../actions/data/cut.js");
      await cut(videos, options, context);
    });
}
