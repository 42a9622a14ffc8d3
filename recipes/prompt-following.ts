// Does a small model do what its prompts say, whichever sampler draws? Every caption of a trained run with several samplers, and
// with rectified flow, whose denoiser is trained here on the run's autoencoder.
import { onnxExecutor } from "@noisereel/compile";
import { type Clip, ConfigError, type Executor } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { readManifest } from "@noisereel/data";
import { matchPrompts } from "@noisereel/metrics";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { RecipeEvent } from "./run/events.js";
import { openRun } from "./run/open-run.js";
import { type PromptFollowingReport, promptFollowingHtml, type SamplerFigures } from "./reports/prompt-following.js";
import { runQuickstart } from "./quickstart.js";
import { firstFrames, loadClips } from "./quickstart/clips.js";
import { type QuickstartConfig, withRectifiedFlow } from "./quickstart/config.js";
import { RunFolder } from "./quickstart/run-folder.js";
import { readRunConfig } from "./run/run-config.js";
import { writeSheet, writeShown } from "./reports/shown-clip.js";
import type { TrainedRun } from "./run/trained-run.js";

/** A sampler as it is used: within the steps that each is recommended for. */
export interface SamplerCase {
  readonly name: string;
  /** A name that `TrainedRun.sample` takes; `flowEuler` is drawn from the flow's denoiser. */
  readonly sampler: string;
  readonly steps: number;
}

export const samplerCases: readonly SamplerCase[] = [
  { name: "DDIM", sampler: "ddim", steps: 25 },
  { name: "DPM-Solver++ 2M", sampler: "dpmSolverMultistep", steps: 15 },
  { name: "PNDM", sampler: "pndm", steps: 25 },
  { name: "flow Euler", sampler: "flowEuler", steps: 25 },
];

export interface PromptFollowingOptions {
  /** Folder of a finished quickstart. Default `runs/quickstart`. */
  readonly run?: string;
  /** Where everything goes. Default `runs/prompt-following`. */
  readonly folder?: string;
  /** Default `samplerCases`. */
  readonly cases?: readonly SamplerCase[];
  /** Default the run's. */
  readonly guidanceScale?: number;
  /** Clips drawn for each caption, with seeds counting up from the run's. Default 1. */
  readonly seeds?: number;
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
  /** Aborting rejects with the signal's reason; the same call goes on from there. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RecipeEvent) => void;
}

/** Writes `report.html`, `report.json`, `sheet.jpg` (a frame of each: the original, then each sampler) and the clips. May be stopped at any moment and called again. */
export async function runPromptFollowing(options: PromptFollowingOptions = {}): Promise<PromptFollowingReport> {
  const { cases = samplerCases, seeds = 1, executor = onnxExecutor(), onEvent: emit = () => {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const trainedFolder = path.resolve(options.run ?? "runs/quickstart");
  const folder = path.resolve(options.folder ?? "runs/prompt-following");
  if (!Number.isInteger(seeds) || seeds < 1) throw new ConfigError(`seeds is ${seeds}; use a positive integer`);

  const { config, manifest } = await readRunConfig(trainedFolder);
  const flowFolder = path.join(folder, "flow");
  if (cases.some(({ sampler }) => sampler === "flowEuler")) {
    await runQuickstart({
      folder: flowFolder,
      manifest,
      config: withRectifiedFlow(config),
      autoencoderOf: trainedFolder,
      executor,
      signal,
      onEvent: emit,
    });
  }

  const { guidanceScale = config.sampling.guidanceScale } = options;
  const stored = {
    run: path.relative(folder, trainedFolder),
    guidanceScale,
    seeds,
    cases: cases.map((each) => ({ ...each })),
  };
  await mkdir(folder, { recursive: true });
  const run = await RunFolder.open({ folder, config: stored, fresh: false, emit });
  const clips = await loadClips(run, await readManifest(manifest), config, signal);
  const originals = await Promise.all(clips.map((clip) => firstFrames(clip, config.stages.at(-1)!.frames, config)));
  const shown = { fps: config.sampling.fps, signal };
  await mkdir(run.path("originals"), { recursive: true });
  for (const clip of originals) await writeShown(run.path("originals", `${clip.id}.mp4`), clip, shown);

  const samplers: SamplerFigures[] = [];
  for (const [flow, of] of [
    [false, trainedFolder],
    [true, flowFolder],
  ] as const) {
    const own = cases.filter(({ sampler }) => (sampler === "flowEuler") === flow);
    if (own.length === 0) continue;
    const trained = await openRun(of, { executor });
    try {
      for (const each of own)
        samplers.push(await drawAll(each, { run, trained, originals, seeds, guidanceScale, config, signal }));
    } finally {
      trained.dispose();
    }
  }
  const report: PromptFollowingReport = {
    run: stored.run,
    guidanceScale,
    captions: originals.map(({ id, caption = "" }) => ({ id, caption, original: `originals/${id}.mp4` })),
    samplers,
  };
  await writeFileAtomically(run.path("report.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeFileAtomically(run.path("report.html"), promptFollowingHtml(report));
  const middle = Math.floor(originals[0]!.frames / 2);
  const shownFiles = report.captions.flatMap(({ id, original }) => [
    original,
    ...samplers.map(({ samples }) => samples.find((sample) => sample.id === id)!.video),
  ]);
  const cells = shownFiles.map((file) => ({ file: run.path(file), frame: middle }));
  await writeSheet(run.path("sheet.jpg"), cells, 1 + samplers.length);
  return report;
}

/** Every caption with one sampler, each compared with every original. */
async function drawAll(
  { name, sampler, steps }: SamplerCase,
  given: {
    readonly run: RunFolder;
    readonly trained: TrainedRun;
    readonly originals: readonly Clip[];
    readonly seeds: number;
    readonly guidanceScale: number;
    readonly config: QuickstartConfig;
    readonly signal: AbortSignal;
  },
): Promise<SamplerFigures> {
  const { run, trained, originals, seeds, guidanceScale, config, signal } = given;
  const folder = `${sampler}-${steps}`;
  const title = `${name}, ${steps} steps`;
  const count = originals.length * seeds;
  return run.phase({ name: folder, title, unit: "prompts", count }, async (advance) => {
    await mkdir(run.path(folder), { recursive: true });
    const samples: SamplerFigures["samples"][number][] = [];
    const shown = { fps: config.sampling.fps, signal };
    let seconds = 0;
    for (let copy = 0; copy < seeds; copy++) {
      const seed = config.seed + copy;
      const drawn: Clip[] = [];
      for (const { caption = "", id } of originals) {
        const { clip, seconds: taken } = await trained.sample({
          prompt: caption,
          seed,
          sampler,
          steps,
          guidanceScale,
          signal,
        });
        seconds += taken;
        drawn.push(clip);
        await writeShown(run.path(folder, `${id}-${seed}.mp4`), clip, shown);
        advance(copy * originals.length + drawn.length);
      }
      const { matrix, nearest } = matchPrompts(drawn, originals);
      for (const [index, { id }] of originals.entries()) {
        const found = nearest[index]!;
        const others = matrix[index]!.filter((_, other) => other !== index);
        samples.push({
          id,
          seed,
          video: `${folder}/${id}-${seed}.mp4`,
          nearest: originals[found]!.id,
          correlation: matrix[index]![index]!,
          nextCorrelation: Math.max(...others),
          matched: found === index,
        });
      }
    }
    const matched = samples.filter((sample) => sample.matched).length;
    return { name, sampler, steps, matched, total: samples.length, seconds: seconds / samples.length, samples };
  });
}
