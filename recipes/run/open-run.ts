// Opens the models of a finished run for sampling and reconstruction.
import { CausalVae, compiled } from "@noisereel/causal-vae";
import { onnxExecutor } from "@noisereel/compile";
import { type Clip, createRng, type Executor } from "@noisereel/core";
import {
  centerCropResize,
  checkVideoShape,
  clipToTensor,
  fileSha256,
  readManifest,
  tensorToClip,
} from "@noisereel/data";
import { denoiserNetwork, flowEuler, LatteT2V, samplers as diffusionSamplers } from "@noisereel/diffusion";
import { psnr, ssim } from "@noisereel/metrics";
import { byteTokenizer, T5Encoder, t5TextEncoder } from "@noisereel/text-encoder";
import path from "node:path";
import { readRunConfig } from "./run-config.js";
import { type RunModels, sampleClip } from "./sample-clip.js";
import type { TrainedRun } from "./trained-run.js";

export interface OpenRunOptions {
  /** Default ONNX Runtime on the CPU. */
  readonly executor?: Executor;
}

/** Loads the run in `folder`. Throws ConfigError when there is none, or none that has finished training. */
export async function openRun(folder: string, options: OpenRunOptions = {}): Promise<TrainedRun> {
  const { config, manifest } = await readRunConfig(folder);
  const { entries } = await readManifest(manifest);
  const executor = options.executor ?? onnxExecutor();
  const modelFolder = (name: string) => path.join(folder, "models", name);
  const vae = await CausalVae.fromPretrained(modelFolder("vae"));
  const autoencoder = compiled(vae, executor);
  const denoiser = await LatteT2V.fromPretrained(modelFolder("denoiser"));
  const network = denoiserNetwork(denoiser, executor);
  const textEncoder = t5TextEncoder({
    model: await T5Encoder.fromPretrained(modelFolder("text-encoder")),
    tokenizer: byteTokenizer(),
    maxTokens: config.textEncoder.maxTokens,
    executor,
  });
  const model = (await fileSha256(path.join(modelFolder("denoiser"), "diffusion_pytorch_model.safetensors"))).slice(
    0,
    12,
  );
  const last = config.stages.at(-1)!;
  const defaults = { ...config.sampling, frames: last.frames, height: last.height, width: last.width };

  // A flow's network and a diffusion's mean different things by their answers: no sampler works for both.
  const { objective = "iddpm" } = config;
  const samplers: RunModels["samplers"] = objective === "rectified-flow" ? { flowEuler } : diffusionSamplers;
  const models: RunModels = { network, autoencoder, textEncoder, samplers, objective, defaults, model };

  return {
    folder,
    defaults,
    samplers: Object.keys(samplers),
    readsFrames: denoiser.controlChannels > 0,
    captions: entries.flatMap((entry) => entry.captions.slice(0, 1)),
    sample: (request) => sampleClip(models, request),
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

/** The mean over the frames of one clip. */
function meanOf(scores: readonly (readonly number[])[]): number {
  const values = scores.flat();
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
