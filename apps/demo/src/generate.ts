// The work of a job: sampling, with previews on the way, into a folder of its own.
import { writeAnimation, writeImage, writeVideo } from "@noisereel/data";
import type { TrainedRun } from "@noisereel/recipes";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { JobWork } from "./job-queue.js";

export interface GenerateOptions {
  readonly run: () => Promise<TrainedRun>;
  /** Each job gets a folder in here, named by its id. */
  readonly folder: string;
  /** Previews of one clip at most: each costs a decode. Default 8. */
  readonly previews?: number;
}

/** Address of a job's file in the page. */
const address = (id: string, file: string): string => `/api/jobs/${id}/${file}`;

export function generate(options: GenerateOptions): JobWork {
  const { previews = 8 } = options;
  return async ({ id, parameters }, { signal, update }) => {
    const run = await options.run();
    const folder = path.join(options.folder, id);
    await mkdir(folder, { recursive: true });
    const interval = Math.max(1, Math.ceil(parameters.steps / (previews + 1)));
    let first: number | undefined;
    const { clip, seconds } = await run.sample({
      ...parameters,
      signal,
      onStep: async (step) => {
        const { index, count } = step;
        // The first step also prepares the models, so the pace is that of the others.
        first ??= performance.now();
        const pace = index > 1 ? (performance.now() - first) / 1000 / (index - 1) : undefined;
        update({ step: index, etaSeconds: pace === undefined ? null : pace * (count - index) });
        if (index % interval !== 0 || index === count) return;
        const file = `preview-${index}.webp`;
        await writeAnimation(path.join(folder, file), await step.preview(), { lossless: false, signal });
        update({ preview: address(id, file) });
      },
    });
    if (clip.frames === 1) {
      await writeImage(path.join(folder, "clip.png"), clip);
      return { url: address(id, "clip.png"), kind: "image", seconds };
    }
    await writeVideo(path.join(folder, "clip.mp4"), clip, { signal });
    return { url: address(id, "clip.mp4"), kind: "video", seconds };
  };
}
