// noisereel sample: prompts to clips.
import type { Command } from "commander";
import type { SampleArguments } from "../actions/sample-request.js";
import type { CommandContext } from "../context.js";
import { integer, nonEmpty, number } from "../options.js";

export function addSample(program: Command, context: CommandContext): void {
  program
    .command("sample")
    .summary("make clips from prompts with a trained run")
    .description("Makes a clip from each prompt. The same prompt, seed and settings give the same bytes.")
    .argument("[prompt]", "what the clip shows, in quotes")
    .option("-p, --prompts <file>", "file with one prompt a line, instead of the prompt", nonEmpty)
    .option("--from <file>", "the .json of an earlier clip: makes it again, other options change it", nonEmpty)
    .option("-s, --seed <integer>", "seed of the first clip of each prompt (default: 0)", integer(0))
    .option("-n, --n <count>", "clips for each prompt; the seed counts up", integer(1), 1)
    .option("--steps <count>", "denoising steps (default: the run's)", integer(1))
    .option("--guidance <scale>", "strength of the prompt, 1 is off (default: the run's)", number(0))
    .option("--negative <text>", 'what the clip should not show (default: "")')
    .option("--sampler <name>", "sampler (default: the run's)", nonEmpty)
    .option("--frames <count>", "frames, 4k + 1 (default: what the run was trained for)", integer(1))
    .option("--height <pixels>", "height (default: what the run was trained for)", integer(1))
    .option("--width <pixels>", "width (default: what the run was trained for)", integer(1))
    .option("--fps <rate>", "frames a second of the file (default: the run's)", number(0.1))
    .option("--image", "one frame, written as png")
    .option("--from-image <file>", "a picture that the clip begins with", nonEmpty)
    .option("--continue <file>", "a video whose last frames the clip begins with", nonEmpty)
    .option("--windows <count>", "a long clip: so many of --frames, each going on from the one before", integer(1))
    .option("--overlap <frames>", "frames taken over by --continue and --windows, 4k + 1 (default: 5)", integer(1))
    .option("--preview [steps]", "shows the clip so far in preview.png, every so many steps (default: 1)", integer(1))
    .option("-r, --run <folder>", "folder of the run (default: the latest in runs/)", nonEmpty)
    .option("-o, --out <folder>", "folder for the clips", nonEmpty, "samples")
    .addHelpText(
      "after",
      `
Each clip is written as NNN-words-of-the-prompt-SEED.mp4 with a .json beside it that holds all settings. --from-image,
--continue and --windows need a run whose denoiser was trained to go on from given frames (recipes/image-to-video.ts); a
picture or video of another size is cropped and resized.

Examples:
  $ noisereel sample "a cockatoo turns its head"
  $ noisereel sample "a city at night" --seed 7 --n 4 --steps 50 --guidance 5
  $ noisereel sample --prompts prompts.txt --out samples/many
  $ noisereel sample "a red cup on a table" --image
  $ noisereel sample "the cup falls" --from-image cup.png --run runs/image-to-video/model --preview 5
  $ noisereel sample "a city at night" --windows 6 --overlap 5 --run runs/image-to-video/model
  $ noisereel sample "the bird flies off" --continue bird.mp4 --run runs/image-to-video/model
  $ noisereel sample --from samples/001-a-cockatoo-turns-its-head-0.json --steps 50`,
    )
    .action(async (prompt: string | undefined, options: SampleArguments) => {
      const { sample } = await import("../actions/sample.js");
      await sample(prompt, options, context);
    });
}
