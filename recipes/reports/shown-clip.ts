// Clips for pages: small ones are easier to see enlarged.
import type { Clip } from "@noisereel/core";
import { readVideo, selectFrames, tileClips, writeImage, writeVideo } from "@noisereel/data";

/** Writes `clip` at a height of 192 pixels. */
export async function writeShown(
  file: string,
  clip: Clip,
  options: { readonly fps: number; readonly signal: AbortSignal },
): Promise<void> {
  const shown = await tileClips([clip], { height: 192, gap: 0 });
  await writeVideo(file, { ...shown, fps: options.fps }, { signal: options.signal });
}

/** One frame of each clip file in one picture, `columns` in a row: for pages that show no videos. */
export async function writeSheet(
  file: string,
  cells: readonly { readonly file: string; readonly frame: number }[],
  columns: number,
): Promise<void> {
  const frames: Clip[] = [];
  for (const cell of cells) frames.push(selectFrames(await readVideo(cell.file), [cell.frame]));
  await writeImage(file, await tileClips(frames, { columns, height: 96, gap: 4 }), { quality: 85 });
}
