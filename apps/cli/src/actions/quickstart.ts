// Runs the quickstart, draws its progress and sums it up.
import { ConfigError } from "@noisereel/core";
import { readdir } from "node:fs/promises";
import path from "node:path";
import type { CommandContext } from "../context.js";
import { exitCodes, StoppedError } from "../errors.js";
import { alignColumns, formatSeconds } from "../format.js";
import { showProgress } from "../progress.js";

export interface QuickstartArguments {
  readonly out: string;
  readonly manifest?: string;
  readonly fresh?: true;
}

export async function quickstart(options: QuickstartArguments, context: CommandContext): Promise<void> {
  const { out, manifest } = options;
  const fresh = options.fresh === true;
  const { terminal, signal } = context;
  if (fresh) await refuseForeignFolder(out);
  const { runQuickstart } = await context.loadRecipes();
  const progress = showProgress(terminal);
  const report = await runQuickstart({
    folder: out,
    ...(manifest === undefined ? {} : { manifest }),
    fresh,
    signal,
    onEvent: progress.onEvent,
  })
    .catch((error: unknown) => {
      progress.close();
      if (!signal.aborted) throw error;
      throw new StoppedError(
        `Stopped; everything done so far is in ${out}. The same command goes on from here: ${resumeCommand(options, context.invokedAs)}`,
        exitCodes.success,
      );
    })
    .finally(() => progress.close());
  const { reconstruction, prompts } = report;
  const rows = [
    ["report", path.join(out, "report.html")],
    ["reel", path.join(out, "reel.mp4")],
    ["reconstruction", `PSNR ${reconstruction.psnr.toFixed(2)} dB, SSIM ${reconstruction.ssim.toFixed(3)}`],
    ["prompts", `${prompts.matched} of ${prompts.total} samples resemble their own clip most`],
    ["time", `${formatSeconds(report.seconds)}, at most ${Math.round(report.peakRssMiB)} MiB of memory`],
  ];
  terminal.print();
  for (const line of alignColumns(rows)) terminal.print(line);
  terminal.print();
  terminal.print(`Now try: ${context.invokedAs} sample "…"`);
}

/** `--fresh` removes the folder, so it has to be one that a run made. */
async function refuseForeignFolder(folder: string): Promise<void> {
  const names: readonly string[] = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  if (names.length === 0 || names.includes("config.json")) return;
  throw new ConfigError(
    `${folder} is not the folder of a run (it has no config.json), so --fresh does not remove it; choose another --out`,
  );
}

/** Without `--fresh`: that would begin again. */
function resumeCommand({ out, manifest }: QuickstartArguments, invokedAs: string): string {
  const quoted = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  const parts = [invokedAs, "quickstart"];
  if (out !== "runs/quickstart") parts.push("--out", quoted(out));
  if (manifest !== undefined) parts.push("--manifest", quoted(manifest));
  return parts.join(" ");
}
