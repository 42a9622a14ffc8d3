// Sends a video of any length and size through an autoencoder and writes what comes out, and how near it is.
import { ConfigError } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { type VideoFrame, writeVideo } from "@noisereel/data";
import type { RecipeEvent } from "@noisereel/recipes";
import { mkdir, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { CommandContext } from "../context.js";
import { exitCodes, StoppedError } from "../errors.js";
import { showProgress } from "../progress.js";
import type { LongReconstruction } from "../reconstruct/run.js";
import { besideEachOther, differenceOf, evenFrame } from "../reconstruct/views.js";
import { requireLatestRun } from "./runs.js";

export interface ReconstructArguments {
  readonly out: string;
  readonly run?: string;
  readonly vae?: string;
  readonly sideBySide?: true;
  readonly difference?: string;
  readonly metrics?: string;
  readonly maxFrames?: number;
  /** Bytes. */
  readonly memoryLimit?: number;
}

const writable = [".mp4", ".mov", ".webm", ".gif", ".webp"];

export async function reconstruct(
  input: string,
  options: ReconstructArguments,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { out, difference, maxFrames } = options;
  await checkFiles(input, options);
  const model = await modelOf(options);
  const limit = options.memoryLimit ?? Math.floor(os.freemem() / 2);
  const view = showProgress(terminal);
  try {
    await context.loadRecipes(); // tfjs without its advice
    const { reconstructVideo } = await import("../reconstruct/run.js");
    terminal.note(`autoencoder ${model}`);
    const { onProgress, end } = phaseEvents(view.onEvent);
    const result = await reconstructVideo(input, { vae: model, limit, maxFrames, signal, onProgress });
    try {
      end();
      await mkdir(path.dirname(out), { recursive: true });
      const paired = options.sideBySide === true;
      await writeVideo(out, viewOf(result, paired ? besideEachOther : (_, decoded) => decoded, paired), { signal });
      if (difference !== undefined) {
        await mkdir(path.dirname(difference), { recursive: true });
        await writeVideo(difference, viewOf(result, differenceOf, false), { signal });
      }
      const { psnr, ssim } = await writeScores(result, options, { input, model });
      const { frames, height, width } = result.original;
      const figures = `PSNR ${psnr.toFixed(2)} dB${ssim === null ? "" : `, SSIM ${ssim.toFixed(4)}`}`;
      terminal.print(`${out}: ${frames} frames of ${width}x${height}, ${figures}`);
    } finally {
      await result.close();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new StoppedError(`Stopped; ${out} was not written.`, exitCodes.interrupted);
  } finally {
    view.close();
  }
}

/** Frames for one output, made of the original and the reconstruction. */
async function* viewOf(
  { original, frames }: LongReconstruction,
  view: (original: Uint8Array, decoded: Uint8Array, size: { height: number; width: number }) => Uint8Array,
  doubled: boolean,
): AsyncGenerator<VideoFrame> {
  const { height, width, fps } = original;
  const whole = { top: 0, left: 0, height, width };
  for (let index = 0; index < original.frames; index++) {
    const decoded = (await frames.read(index, whole)) as Uint8Array;
    const pixels = view(await original.read(index), decoded, { height, width });
    yield { index, fps, ...evenFrame(pixels, { height, width: doubled ? 2 * width : width }) };
  }
}

/** Writes the scores of every frame beside the video and returns their means. */
async function writeScores(
  { scores, plan, causal, original }: LongReconstruction,
  { out, metrics }: ReconstructArguments,
  facts: { readonly input: string; readonly model: string },
): Promise<{ readonly psnr: number; readonly ssim: number | null }> {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const similarities = scores.flatMap(({ ssim }) => (ssim === null ? [] : [ssim]));
  const psnr = mean(scores.map((frame) => frame.psnr));
  const ssim = similarities.length === 0 ? null : mean(similarities);
  const { frames, height, width, fps } = original;
  const record = {
    ...facts,
    frames,
    height,
    width,
    fps,
    psnr,
    ssim,
    tileSize: plan.tileSize,
    plannedBytes: plan.bytes,
    time: causal ? "streamed" : "chunks",
    psnrByFrame: scores.map((frame) => frame.psnr),
    ssimByFrame: scores.map((frame) => frame.ssim),
  };
  await writeFileAtomically(metrics ?? metricsPath(out), `${JSON.stringify(record, null, 2)}\n`);
  return { psnr, ssim };
}

/** `a/b.mp4` to `a/b.json`. */
function metricsPath(out: string): string {
  return path.join(path.dirname(out), `${path.parse(out).name}.json`);
}

/** Progress of reading, encoding and decoding as the events that the command line draws. */
function phaseEvents(emit: (event: RecipeEvent) => void) {
  const titles = { read: "Reading", encode: "Encoding", decode: "Decoding" } as const;
  let current: { phase: keyof typeof titles; started: number } | undefined;
  const end = (): void => {
    if (current === undefined) return;
    const seconds = (performance.now() - current.started) / 1000;
    emit({ type: "phase-end", phase: current.phase, seconds, skipped: false });
    current = undefined;
  };
  return {
    end,
    onProgress: (phase: keyof typeof titles, done: number, count: number | undefined): void => {
      if (count === undefined) return; // reading: its end is not known
      if (current?.phase !== phase) {
        end();
        current = { phase, started: performance.now() };
        emit({ type: "phase-start", phase, title: titles[phase], unit: "steps", count, done: 0 });
      }
      const seconds = (performance.now() - current.started) / 1000;
      const etaSeconds = done < 2 ? undefined : (seconds / (done - 1)) * (count - done);
      emit({ type: "phase-progress", phase, done, count, etaSeconds, values: {} });
    },
  };
}

async function modelOf({ vae, run }: ReconstructArguments): Promise<string> {
  if (vae !== undefined && run !== undefined) {
    throw new ConfigError("--vae and --run both name an autoencoder; use one of them");
  }
  return vae ?? path.join(run ?? (await requireLatestRun({ runsFolder: "runs" })), "models", "vae");
}

/** Everything that can be said about the paths before work begins. */
async function checkFiles(input: string, { out, difference, metrics }: ReconstructArguments): Promise<void> {
  for (const [option, file] of [
    ["--out", out],
    ["--difference", difference],
  ] as const) {
    if (file === undefined) continue;
    const ending = path.extname(file).toLowerCase();
    if (!writable.includes(ending)) {
      throw new ConfigError(`${option} ${file} ends in "${ending}"; use one of ${writable.join(", ")}`);
    }
  }
  const found = await stat(input).catch(() => undefined);
  if (found === undefined) throw new ConfigError(`${input} does not exist; check the path of the video`);
  const paths = [input, out, difference, metrics ?? metricsPath(out)].flatMap((file) =>
    file === undefined ? [] : [path.resolve(file)],
  );
  const twice = paths.find((file, index) => paths.indexOf(file) !== index);
  if (twice !== undefined) throw new ConfigError(`${twice} is named twice; choose another file for each output`);
}
