// noisereel reconstruct: what the autoencoder keeps of a clip.
import type { Command } from "commander";
import type { ReconstructArguments } from "../actions/reconstruct.js";
import type { CommandContext } from "../context.js";
import { integer, nonEmpty } from "../options.js";

export function addReconstruct(program: Command, context: CommandContext): void {
  program
    .command("reconstruct")
    .summary("encode and decode a video with a run's autoencoder")
    .description(
      "Encodes a video with the run's autoencoder, decodes it, writes the result and prints how near it is to the " +
        "original: PSNR in decibels and SSIM, means over the frames.",
    )
    .argument("<input>", "the video: mp4, mov, webm, mkv, avi, gif, …")
    .requiredOption("-o, --out <file>", "the reconstruction: .mp4, .mov, .webm, .gif or .webp", nonEmpty)
    .option("--side-by-side", "writes the original beside the reconstruction")
    .option("--max-frames <count>", "reads at most this many frames (default: all)", integer(1))
    .option("-r, --run <folder>", "folder of the run (default: the latest in runs/)", nonEmpty)
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel reconstruct clips/cockatoo.mp4 --out cockatoo.mp4
  $ noisereel reconstruct holiday.mov --out compare.mp4 --side-by-side --max-frames 65`,
    )
    .action(async (input: string, options: ReconstructArguments) => {
      const { reconstruct } = await import("../actions/reconstruct.js");
      await reconstruct(input, options, context);
    });
}
