// Clips as rows of frames in one picture.
import { ConfigError } from "@noisereel/core";
import { clipRows, readManifest, tileClips, writeImage } from "@noisereel/data";
import path from "node:path";
import type { CommandContext } from "../../context.js";
import { shorten } from "../../format.js";
import { forgetParts, ownCount, type PartArguments, partsOf, tellShard } from "./parts.js";
import { withProgress } from "./progress.js";

export interface ShowArguments extends PartArguments {
  readonly out: string;
  readonly from?: number;
  readonly count?: number;
  readonly frames?: number;
  readonly height?: number;
}

export async function show(manifest: string, options: ShowArguments, context: CommandContext): Promise<void> {
  const { out, from = 1, count = 8, frames = 6, height = 96 } = options;
  const { terminal } = context;
  if (![".png", ".jpg", ".jpeg", ".webp"].includes(path.extname(out).toLowerCase())) {
    throw new ConfigError(`--out ${out} is no picture; use a name that ends in .png, .jpg or .webp`);
  }
  const { entries: all } = await readManifest(manifest);
  if (from > all.length) throw new ConfigError(`--from is ${from} but ${manifest} has ${all.length} clips`);
  const entries = all.slice(from - 1, from - 1 + count);
  const parts = partsOf(out, options);
  const rows = await withProgress(
    context,
    {
      title: "Drawing clips",
      count: ownCount(entries.length, parts),
      stopped: `Stopped; ${out} was not written. The same command goes on.`,
    },
    (call) => clipRows(entries, { frames, height, shared: parts.shared, ...call }),
  );
  if (parts.kind === "shard") return tellShard(parts, rows.filter((row) => row !== undefined).length, context);
  const drawn = rows.map((row) => row!);
  for (const [i, { size }] of drawn.entries()) {
    const { id, captions } = entries[i]!;
    terminal.print(
      `${from + i}  ${id}  ${size.frames} frames of ${size.width}x${size.height}  ${shorten(captions[0] ?? "", 80)}`,
    );
  }
  const pictures = drawn.map(({ picture }) => picture);
  await writeImage(out, await tileClips(pictures, { columns: 1, gap: 2 }));
  await forgetParts(parts);
  terminal.print(out);
}
