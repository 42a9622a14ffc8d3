// Reads a video, sends it through a run's autoencoder and writes what comes out.
import { ConfigError } from "@noisereel/core";
import { readVideo, sideBySide, writeVideo } from "@noisereel/data";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import type { CommandContext } from "../context.js";
import { exitCodes, StoppedError } from "../errors.js";
import { requireLatestRun } from "./runs.js";

export interface ReconstructArguments {
  readonly out: string;
  readonly run?: string;
  readonly sideBySide?: true;
  readonly maxFrames?: number;
}

const writable = [".mp4", ".mov", ".webm", ".gif", ".webp"];

export async function reconstruct(
  input: string,
  options: ReconstructArguments,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { out, maxFrames } = options;
  await checkFiles(input, out);
  const folder = options.run ?? (await requireLatestRun({ runsFolder: "runs" }));
  try {
    const clip = await readVideo(input, { maxFrames, signal });
    const { openRun } = await context.loadRecipes();
    const run = await openRun(folder);
    try {
      terminal.note(`run ${folder}`);
      const { original, reconstruction, psnr, ssim } = await run.reconstruct(clip, { signal });
      const result = options.sideBySide === true ? await sideBySide(original, reconstruction) : reconstruction;
      await mkdir(path.dirname(out), { recursive: true });
      await writeVideo(out, result, { signal });
      const { frames, width, height } = reconstruction;
      terminal.print(
        `${out}: ${frames} frames of ${width}x${height}, PSNR ${psnr.toFixed(2)} dB, SSIM ${ssim.toFixed(4)}`,
      );
    } finally {
      run.dispose();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new StoppedError(`Stopped; ${out} was not written.`, exitCodes.interrupted);
  }
}

/** Everything that can be said about the two paths before work begins. */
async function checkFiles(input: string, out: string): Promise<void> {
  const ending = path.extname(out).toLowerCase();
  if (!writable.includes(ending)) {
    throw new ConfigError(`--out ${out} ends in "${ending}"; use one of ${writable.join(", ")}`);
  }
  const found = await stat(input).catch(() => undefined);
  if (found === undefined) throw new ConfigError(`${input} does not exist; check the path of the video`);
  if (path.resolve(input) === path.resolve(out)) {
    throw new ConfigError(`--out ${out} is the input itself; choose another file`);
  }
}
