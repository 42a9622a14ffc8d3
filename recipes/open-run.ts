// Opens the models of a finished run for sampling and reconstruction.
import { CausalVae, compiled } from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import { type Clip, ConfigError, createRng, type Executor } from "@noisereel/core";
import {
  centerCropResize,
  checkVideoShape,
  clipToTensor,
  fileSha256,
  readManifest,
  tensorToClip,
} from "@noisereel/data";
import { denoiserNetwork, LatteT2V, samplers, streamVideo } from "@noisereel/diffusion";
import { psnr, ssim } from "@noisereel/metrics";
import { byteTokenizer, T5Encoder, t5TextEncoder } from "@noisereel/text-encoder";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { QuickstartConfig } from "./quickstart/config.js";
import type { SampledClip, SampleOptions, TrainedRun } from "./trained-run.js";

export interface OpenRunOptions {
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
}

/** Loads the run in `folder`. Throws ConfigError when there is none, or none that has finished training. */
export async function openRun(folder: string, options: OpenRunOptions = {}): Promise<TrainedRun> {
  const { config, captions } = await readRun(folder);
  const executor = options.executor ?? onnxExecutor();
  const models = (name: string) => path.join(folder, "models", name);
  const vae = await CausalVae.fromPretrained(models("vae"));
  const autoencoder = compiled(vae, executor);
  const denoiser = await LatteT2V.fromPretrained(models("denoiser"));
  const network = denoiserNetwork(denoiser, executor);
  const textEncoder = t5TextEncoder({
    model: await T5Encoder.fromPretrained(models("text-encoder")),
    tokenizer: byteTokenizer(),
    maxTokens: config.textEncoder.maxTokens,
    executor,
  });
  const model = (await fileSha256(path.join(models("denoiser"), "diffusion_pytorch_model.safetensors"))).slice(0, 12);
  const last = config.stages.at(-1)!;
  const defaults = { ...config.sampling, frames: last.frames, height: last.height, width: last.width };

  async function sample(request: SampleOptions): Promise<SampledClip> {
    const { prompt, seed, negativePrompt = "" } = request;
    const { steps, guidanceScale, frames, height, width, ...settings } = { ...defaults, ...definedOnly(request) };
    const sampler = samplers[settings.sampler as keyof typeof samplers];
    if (sampler === undefined) {
      throw new ConfigError(`sampler is "${settings.sampler}"; use one of ${Object.keys(samplers).join(", ")}`);
    }
    const started = performance.now();
    const stream = streamVideo({
      denoiser: network,
      vae: autoencoder,
      textEncoder,
      prompt,
      negativePrompt,
      seed,
      sampler: sampler(),
      steps,
      guidanceScale,
      frames,
      height,
      width,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const clipOf = async (video: Awaited<ReturnType<typeof autoencoder.decode>>) => {
      const clip = await tensorToClip(video, { id: `seed-${seed}`, fps: defaults.fps, caption: prompt });
      video.dispose();
      return clip;
    };
    try {
      for (;;) {
        const next = await stream.next();
        if (next.done === true) {
          next.value.latents.dispose();
          const clip = await clipOf(next.value.video);
          const seconds = (performance.now() - started) / 1000;
          const used = { prompt, negativePrompt, seed, steps, guidanceScale, sampler: settings.sampler };
          return { clip, seconds, settings: { ...used, frames, height, width, model } };
        }
        const step = next.value;
        const { index, count, timestep } = step;
        await request.onStep?.({ index, count, timestep, preview: async () => clipOf(await step.preview()) });
      }
    } finally {
      // After an error in onStep this frees what the stream holds; after its end it does nothing.
      await stream.return(undefined as never);
    }
  }

  return {
    folder,
    defaults,
    samplers: Object.keys(samplers),
    captions,
    sample,
    async reconstruct(clip, { signal } = {}) {
      const original = await fitClip(clip, vae.stride);
      const video = clipToTensor(original);
      const latents = await autoencoder.encode(video, { signal });
      const decoded = await autoencoder.decode(latents, { signal });
      const reconstruction = await tensorToClip(decoded, { id: clip.id, fps: clip.fps });
      const rounded = clipToTensor(reconstruction);
      try {
        return {
          original,
          reconstruction,
          psnr: meanOf(await psnr(rounded, video)),
          ssim: meanOf(await ssim(rounded, video)),
        };
      } finally {
        for (const tensor of [video, latents, decoded, rounded]) tensor.dispose();
      }
    },
    dispose() {
      network.dispose();
      autoencoder.dispose();
      denoiser.dispose();
      textEncoder.dispose();
      vae.dispose();
    },
  };
}

/** The largest clip that the autoencoder takes: 4k + 1 frames, sides cropped to multiples of its stride. */
async function fitClip(clip: Clip, stride: { time: number; height: number; width: number }): Promise<Clip> {
  const frames = Math.floor((clip.frames - 1) / stride.time) * stride.time + 1;
  const height = Math.floor(clip.height / stride.height) * stride.height;
  const width = Math.floor(clip.width / stride.width) * stride.width;
  checkVideoShape({ frames, height, width }, { stride });
  const cropped = { ...clip, frames, pixels: clip.pixels.subarray(0, frames * clip.height * clip.width * 3) };
  return centerCropResize({ height, width })(cropped, createRng(0));
}

async function readRun(folder: string): Promise<{ config: QuickstartConfig; captions: readonly string[] }> {
  const read = (file: string) =>
    readFile(path.join(folder, file), "utf8").catch((cause: unknown) => {
      throw new ConfigError(`${folder} holds no finished run; make one with "npm run quickstart"`, { cause });
    });
  const { manifest, ...config } = JSON.parse(await read("config.json")) as QuickstartConfig & { manifest: string };
  await read("models/denoiser/config.json");
  const { entries } = await readManifest(path.resolve(folder, manifest));
  return { config, captions: entries.flatMap((entry) => entry.captions.slice(0, 1)) };
}

/** The mean over the frames of one clip. */
function meanOf(scores: readonly (readonly number[])[]): number {
  const values = scores.flat();
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What a request gives in place of the run's defaults. */
function definedOnly(request: SampleOptions): Partial<TrainedRun["defaults"]> {
  const { steps, guidanceScale, sampler, frames, height, width } = request;
  const given = { steps, guidanceScale, sampler, frames, height, width };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
