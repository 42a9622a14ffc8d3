// A look at a clip while it is made.
import type { Clip } from "@noisereel/core";
import { contactSheet, writeImage } from "@noisereel/data";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";

export interface SamplePreview {
  readonly file: string;
  /** After step `index` of `count`: replaces the picture, unless the step is one that is left out. */
  update(step: { readonly index: number; readonly count: number; preview(): Promise<Clip> }): Promise<void>;
  /** Removes the picture. */
  remove(): Promise<void>;
}

/** Frames of the estimate so far as one picture, `preview.png` in `folder`, after every `every` steps. Each costs a decode. */
export function samplePreview(folder: string, every: number): SamplePreview {
  const file = path.join(folder, "preview.png");
  return {
    file,
    async update(step) {
      if (step.index % every !== 0 || step.index === step.count) return;
      const picture = await contactSheet(await step.preview(), { count: 5 });
      await mkdir(folder, { recursive: true });
      await writeImage(file, picture);
    },
    remove: () => rm(file, { force: true }),
  };
}
