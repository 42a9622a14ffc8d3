// noisereel reconstruct: what an autoencoder keeps of a video.
import { type Command, InvalidArgumentError } from "commander";
import type { ReconstructArguments } from "../actions/reconstruct.js";
import type { CommandContext } from "../context.js";
import { integer, nonEmpty } from "../options.js";
import { parseBytes } from "../reconstruct/bytes.js";

export function addReconstruct(program: Command, context: CommandContext): void {
  program
    .command("reconstruct")
    .summary("encode and decode a video of any length and size")
    .description(
      "Encodes a video with an autoencoder, decodes it and writes the result, of the same length and size. How near it " +
        "is to the original goes to a JSON file beside it, for every frame: PSNR in decibels and SSIM. Memory does not " +
        "grow with the length; frames are cut into tiles that fit the limit.",
    )
    .argument("<input>", "the video: mp4, mov, webm, mkv, avi, gif, …")
    .requiredOption("-o, --out <file>", "the reconstruction: .mp4, .mov, .webm, .gif or .webp", nonEmpty)
    .option("--side-by-side", "writes the original beside the reconstruction")
    .option("--difference <file>", "writes where both differ, four times enlarged", nonEmpty)
    .option("--metrics <file>", "where the figures go (default: beside --out, as .json)", nonEmpty)
    .option("--memory-limit <bytes>", "the process's memory, such as 800M or 2G (default: half of what is free)", bytes)
    .option("--max-frames <count>", "reads at most this many frames (default: all)", integer(1))
    .option("--vae <path>", "a model folder, or .safetensors, .ckpt or .pt beside a config.json", nonEmpty)
    .option(
      "-r, --run <folder>",
      "folder of the run whose autoencoder is used (default: the latest in runs/)",
      nonEmpty,
    )
    .addHelpText(
      "after",
      `
Examples:
  $ noisereel reconstruct clips/cockatoo.mp4 --out cockatoo.mp4
  $ noisereel reconstruct holiday.mov --out compare.mp4 --side-by-side --difference map.mp4 --memory-limit 2G
  $ noisereel reconstruct clip.mp4 --out clip.webp --vae models/vae`,
    )
    .action(async (input: string, options: ReconstructArguments) => {
      const { reconstruct } = await import("../actions/reconstruct.js");
      await reconstruct(input, options, context);
    });
}

function bytes(text: string): number {
  const value = parseBytes(text);
  if (value === undefined || value === 0) throw new InvalidArgumentError("Use a size such as 800M or 2G.");
  return value;
}
