// Clips for pages: small ones are easier to see enlarged.
import type { Clip } from "@noisereel/core";
import { tileClips, writeVideo } from "@noisereel/data";

/** Writes `clip` at a height of 192 pixels. */
export async function writeShown(
  file: string,
  clip: Clip,
  options: { readonly fps: number; readonly signal: AbortSignal },
): Promise<void> {
  const shown = await tileClips([clip], { height: 192, gap: 0 });
  await writeVideo(file, { ...shown, fps: options.fps }, { signal: options.signal });
}
