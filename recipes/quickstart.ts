// The whole system end to end, small, on real video. Read from top to bottom: it is the order in which the data goes.
import { CausalVae } from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import type { Executor, Module } from "@noisereel/core";
import { writeFileAtomically } from "@noisereel/core/node";
import { readManifest } from "@noisereel/data";
import { LatteT2V } from "@noisereel/diffusion";
import { T5Encoder } from "@noisereel/text-encoder";
import { availableParallelism } from "node:os";
import path from "node:path";
import type { RecipeEvent } from "./run/events.js";
import { openRun } from "./run/open-run.js";
import { copyAutoencoder, trainAutoencoder } from "./quickstart/autoencoder.js";
import { loadClips } from "./quickstart/clips.js";
import { configJson, shippedManifest, type QuickstartConfig, quickstartConfig } from "./quickstart/config.js";
import { trainDenoiserStage } from "./quickstart/denoiser.js";
import { reconstructClips, sampleCaptions } from "./quickstart/figures.js";
import { encodeClips } from "./quickstart/latents.js";
import type { Curves, QuickstartReport } from "./quickstart/report.js";
import { reportHtml } from "./quickstart/report-html.js";
import { RunFolder } from "./quickstart/run-folder.js";

export interface QuickstartOptions {
  /** Where everything goes. Default `runs/quickstart`. */
  readonly folder?: string;
  /** Clips and captions. Default those that ship with noisereel. */
  readonly manifest?: string;
  /** Start again, removing what `folder` holds. Default false: an interrupted run goes on. */
  readonly fresh?: boolean;
  /** Default `quickstartConfig`. */
  readonly config?: QuickstartConfig;
  /** Folder of a finished run whose autoencoder is used as it is. Default none: one is trained. */
  readonly autoencoderOf?: string;
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
  /** Aborting saves and rejects with the signal's reason; the same call goes on from there. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RecipeEvent) => void;
}

/**
 * Trains an autoencoder and a text-to-video denoiser on the clips of a manifest, samples every caption, and writes
 * `report.html`, `report.json` and `reel.mp4`. It may be stopped at any moment and called again.
 */
export async function runQuickstart(options: QuickstartOptions = {}): Promise<QuickstartReport> {
  const { config = quickstartConfig, executor = onnxExecutor(), onEvent: emit = () => {} } = options;
  const signal = options.signal ?? new AbortController().signal;
  const folder = path.resolve(options.folder ?? "runs/quickstart");
  const manifestPath = path.resolve(options.manifest ?? shippedManifest());
  const manifest = await readManifest(manifestPath); // before anything is written
  const { autoencoderOf } = options;
  const stored = {
    ...configJson(config),
    manifest: path.relative(folder, manifestPath),
    ...(autoencoderOf === undefined ? {} : { autoencoderOf: path.relative(folder, path.resolve(autoencoderOf)) }),
  };
  const run = await RunFolder.open({ folder, config: stored, fresh: options.fresh ?? false, emit });

  // Files become clips of one size; clips and stills train the autoencoder.
  const clips = await loadClips(run, manifest, config, signal);
  const curves: Record<string, readonly number[]> = {};
  if (autoencoderOf === undefined) {
    curves["autoencoder"] = await trainAutoencoder(run, clips, config, executor, signal);
  } else {
    await copyAutoencoder(run, autoencoderOf);
  }

  // Clips become latents; latents and captions train the denoiser, each stage from the weights of the one before.
  const vae = await CausalVae.fromPretrained(run.path("models", "vae"));
  const latents = await encodeClips(run, clips, vae, config, executor, signal);
  for (const [index, stage] of config.stages.entries()) {
    curves[stage.name] = await trainDenoiserStage(run, {
      stage,
      previous: config.stages[index - 1],
      items: latents.get(stage.name)!,
      latentChannels: vae.latentChannels,
      config,
      executor,
      signal,
    });
  }
  vae.dispose();

  // A prompt becomes a condition, noise becomes latents step by step, latents become frames.
  const trained = await openRun(folder, { executor });
  const reconstructions = await reconstructClips(run, clips, trained, config, signal);
  const samples = await sampleCaptions(run, clips, trained, config, signal);
  trained.dispose();

  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const report: QuickstartReport = {
    seconds: Object.values(run.seconds).reduce((sum, seconds) => sum + seconds, 0),
    peakRssMiB: run.peakRssMiB,
    phases: run.seconds,
    reconstruction: {
      psnr: mean(reconstructions.map(({ psnr }) => psnr)),
      ssim: mean(reconstructions.map(({ ssim }) => ssim)),
      clips: reconstructions,
    },
    prompts: {
      matched: samples.filter(({ matched }) => matched).length,
      total: samples.length,
      samples,
    },
    parameters: await countParameters(run),
    environment: {
      node: process.versions.node,
      platform: `${process.platform} ${process.arch}`,
      cores: availableParallelism(),
    },
    config: stored,
  };
  await writeReport(run, report, curves);
  return report;
}

async function writeReport(
  run: RunFolder,
  report: QuickstartReport,
  losses: Readonly<Record<string, readonly number[]>>,
): Promise<void> {
  const curves: Curves = Object.fromEntries(
    Object.entries(losses).map(([name, values]) => [name, values.map((value, index) => ({ step: index + 1, value }))]),
  );
  await writeFileAtomically(run.path("report.json"), `${JSON.stringify(report, null, 2)}\n`);
  await writeFileAtomically(run.path("report.html"), reportHtml(report, curves, "reel.mp4"));
}

async function countParameters(run: RunFolder): Promise<Record<string, number>> {
  const models: Record<string, Module> = {
    autoencoder: await CausalVae.fromPretrained(run.path("models", "vae")),
    denoiser: await LatteT2V.fromPretrained(run.path("models", "denoiser")),
    "text encoder": await T5Encoder.fromPretrained(run.path("models", "text-encoder")),
  };
  const counts = Object.entries(models).map(([name, model]): [string, number] => [name, model.parameterCount()]);
  for (const model of Object.values(models)) model.dispose();
  return Object.fromEntries(counts);
}
