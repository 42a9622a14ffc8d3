// Image to video in small: a denoiser that learns to go on from given frames, and how well its clips keep a frame they are given.
import { onnxExecutor } from "@noisereel/compile";
import { type Clip, ConfigError, createRng, type Executor } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { clipToTensor, readManifest, selectFrames } from "@noisereel/data";
import { psnr } from "@noisereel/metrics";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { RecipeEvent } from "./run/events.js";
import { type GivenFrameFigures, imageToVideoHtml, type ImageToVideoReport } from "./reports/image-to-video.js";
import { openRun } from "./run/open-run.js";
import { runQuickstart } from "./quickstart.js";
import { firstFrames, loadClips } from "./quickstart/clips.js";
import { withControl } from "./quickstart/config.js";
import { RunFolder } from "./quickstart/run-folder.js";
import { readRunConfig } from "./run/run-config.js";
import { writeSheet, writeShown } from "./reports/shown-clip.js";
import type { TrainedRun } from "./run/trained-run.js";

export interface ImageToVideoOptions {
  /** Folder of a finished quickstart, whose autoencoder is used. Default `runs/quickstart`. */
  readonly run?: string;
  /** Where everything goes; `model` in it is a run for `openRun` and `noisereel sample --from-image`. Default `runs/image-to-video`. */
  readonly folder?: string;
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
  /** Aborting rejects with the signal's reason; the same call goes on from there. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RecipeEvent) => void;
}

/** Trains the denoiser, samples with and without a given frame, and writes `report.html`, `report.json` and `sheet.jpg`. */
export async function runImageToVideo(options: ImageToVideoOptions = {}): Promise<ImageToVideoReport> {
  const { executor = onnxExecutor(), onEvent: emit = () => {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const source = path.resolve(options.run ?? "runs/quickstart");
  const folder = path.resolve(options.folder ?? "runs/image-to-video");
  const { config, manifest } = await readRunConfig(source);
  if (config.objective === "rectified-flow") {
    throw new ConfigError(`${source} was trained for rectified flow; give the folder of a plain quickstart`);
  }
  const shared = { executor, signal, onEvent: emit };
  const model = path.join(folder, "model");
  await runQuickstart({ folder: model, manifest, config: withControl(config), autoencoderOf: source, ...shared });

  const stored = { run: path.relative(folder, source) };
  const run = await RunFolder.open({ folder, config: stored, fresh: false, emit });
  const clips = await loadClips(run, await readManifest(manifest), config, signal);
  const trained = await openRun(model, { executor });
  const phase = {
    name: "given-frames",
    title: "Sampling from given frames",
    unit: "clips",
    count: clips.length,
  } as const;
  try {
    const figures = await run.phase(phase, async (advance) => {
      const found: GivenFrameFigures[] = [];
      for (const [index, clip] of clips.entries()) {
        const seen = await firstFrames(clip, config.stages.at(-1)!.frames, config);
        const given = { first: selectFrames(seen, [0]), last: selectFrames(clip, [clip.frames - 1]) };
        for (const [which, frame] of Object.entries(given)) {
          found.push(await sampleFrom(frame, which, { run, trained, clip, signal, fps: config.sampling.fps }));
        }
        advance(index + 1);
      }
      return found;
    });
    const report: ImageToVideoReport = { ...stored, frames: figures };
    await writeFileAtomically(run.path("report.json"), `${JSON.stringify(report, null, 2)}\n`);
    await writeFileAtomically(run.path("report.html"), imageToVideoHtml(report));
    await writeSheet(run.path("sheet.jpg"), sheetCells(run, report), 5);
    return report;
  } finally {
    trained.dispose();
  }
}

/** The given frame, three frames of the clip that was given it, and the first of the one that was not. */
function sheetCells(
  run: RunFolder,
  { frames }: ImageToVideoReport,
): { readonly file: string; readonly frame: number }[] {
  return frames.flatMap(({ folder, frames: count }) => [
    { file: run.path(folder, "given.mp4"), frame: 0 },
    ...[0, Math.floor(count / 2), count - 1].map((frame) => ({ file: run.path(folder, "with.mp4"), frame })),
    { file: run.path(folder, "without.mp4"), frame: 0 },
  ]);
}

/** A clip that was given `frame`, and the same without. */
async function sampleFrom(
  frame: Clip,
  which: string,
  given: {
    readonly run: RunFolder;
    readonly trained: TrainedRun;
    readonly clip: Clip;
    readonly fps: number;
    readonly signal: AbortSignal;
  },
): Promise<GivenFrameFigures> {
  const { run, trained, clip, fps, signal } = given;
  const { caption = "", id } = clip;
  const folder = `${id}-${which}`;
  await mkdir(run.path(folder), { recursive: true });
  await writeShown(run.path(folder, "given.mp4"), frame, { fps, signal });
  const request = { prompt: caption, seed: createRng(0).fork(folder).integer(1000), signal };
  const [{ clip: withIt }, { clip: without }] = [
    await trained.sample({ ...request, known: frame }),
    await trained.sample(request),
  ];
  await writeShown(run.path(folder, "with.mp4"), withIt, { fps, signal });
  await writeShown(run.path(folder, "without.mp4"), without, { fps, signal });
  return {
    id,
    caption,
    which,
    folder,
    frames: withIt.frames,
    psnrWith: await firstFramePsnr(withIt, frame),
    psnrWithout: await firstFramePsnr(without, frame),
    psnrOfAutoencoder: (await trained.reconstruct(frame, { signal })).psnr,
  };
}

/** Decibels between a clip's first frame and a picture of its size. */
async function firstFramePsnr(clip: Clip, frame: Clip): Promise<number> {
  const [made, wanted] = [clipToTensor(selectFrames(clip, [0])), clipToTensor(frame)];
  try {
    return (await psnr(made, wanted))[0]![0]!;
  } finally {
    for (const tensor of [made, wanted]) tensor.dispose();
  }
}
