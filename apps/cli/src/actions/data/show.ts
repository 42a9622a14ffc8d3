// Clips as rows of frames in one picture.
import { type Clip, ConfigError } from "@noisereel/core";
import { contactSheet, manifestSource, readManifest, tileClips, writeImage } from "@noisereel/data";
import path from "node:path";
import type { CommandContext } from "../../context.js";
import { exitCodes, StoppedError } from "../../errors.js";
import { shorten } from "../../format.js";

export interface ShowArguments {
  readonly out: string;
  readonly from?: number;
  readonly count?: number;
  readonly frames?: number;
  readonly height?: number;
}

export async function show(manifest: string, options: ShowArguments, context: CommandContext): Promise<void> {
  const { out, from = 1, count = 8, frames = 6, height = 96 } = options;
  const { terminal, signal } = context;
  if (![".png", ".jpg", ".jpeg", ".webp"].includes(path.extname(out).toLowerCase())) {
    throw new ConfigError(`--out ${out} is no picture; use a name that ends in .png, .jpg or .webp`);
  }
  const list = await readManifest(manifest);
  const source = manifestSource(list);
  if (from > source.length) throw new ConfigError(`--from is ${from} but ${manifest} has ${source.length} clips`);
  const rows: Clip[] = [];
  try {
    for (let index = from - 1; index < Math.min(source.length, from - 1 + count); index++) {
      signal.throwIfAborted();
      const clip = await source.get(index, { signal });
      rows.push(await contactSheet(clip, { count: frames, height }));
      terminal.print(
        `${index + 1}  ${clip.id}  ${clip.frames} frames of ${clip.width}x${clip.height}  ${shorten(clip.caption ?? "", 80)}`,
      );
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new StoppedError(`Stopped; ${out} was not written.`, exitCodes.interrupted);
  }
  await writeImage(out, await tileClips(rows, { columns: 1, gap: 2 }));
  terminal.print(out);
}
