// From a prompt to a clip: text, noise, steps, pixels.
import {
  type CallOptions,
  ConfigError,
  createRng,
  type Denoiser,
  eagerExecutor,
  type Executor,
  type LatentTensor,
  type NoiseSchedule,
  type Rng,
  type Sampler,
  type SampleStep,
  type VideoAutoencoder,
  type VideoTensor,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { disposeCondition } from "./conditions.js";
import { knownControl, type KnownVideo } from "./control/control.js";
import { assertFinite } from "./finite.js";
import { guided, type GuidanceOptions } from "./guidance.js";
import { type DenoiserNetwork, denoiserNetwork } from "./network.js";
import type { LatentPreview } from "./preview.js";
import { dpmSolverMultistep } from "./samplers/dpm-solver.js";
import type { SolverStep } from "./samplers/run.js";
import { linearSchedule } from "./schedule.js";
import { latentShape } from "./shape.js";
import { type EncodedPrompts, encodePositive, encodePrompts, promptList, type TextEncoderSource } from "./texts.js";

export interface GenerateOptions extends CallOptions {
  /** A denoiser, or the network made of one, which is compiled once for many calls. */
  readonly denoiser: Denoiser | DenoiserNetwork;
  /** Latents along a side of the denoiser's patches. Default what the denoiser says in `patchSize`, or else 1. */
  readonly patchSize?: number;
  readonly vae: VideoAutoencoder;
  /** The encoder; a function that makes one, which is disposed before sampling starts; or what `encodePrompts` made. */
  readonly textEncoder: TextEncoderSource | EncodedPrompts;
  /** One prompt, or one for each clip of a batch. */
  readonly prompt: string | readonly string[];
  /** What to move away from. Default the empty prompt. */
  readonly negativePrompt?: string;
  /** An integer; the same seed gives the same clip. Clip `i` of a batch has the noise of `seed + i`. */
  readonly seed: number;
  /** Default DPM-Solver++ 2M. */
  readonly sampler?: Sampler;
  /** Default 25. */
  readonly steps?: number;
  /** 1 switches guidance off and halves the work; a function of the timestep guides in a part. Default 7.5. */
  readonly guidanceScale?: GuidanceOptions["scale"];
  /** Share, 0 to 1, of the correction for the over-exposure of large scales. Default 0. */
  readonly guidanceRescale?: number;
  /** `1 + stride.time * n`; 1 makes an image. */
  readonly frames: number;
  /** Pixels, a multiple of the autoencoder's stride times the patch size. */
  readonly height: number;
  /** Pixels, a multiple of the autoencoder's stride times the patch size. */
  readonly width: number;
  /** Frames or a part of frames that the clip has to agree with, for a denoiser with control channels. Default nothing. */
  readonly known?: KnownVideo;
  /** Makes `step.preview()` a matrix product instead of a run of the decoder, at the size of the latents. */
  readonly preview?: LatentPreview;
  /** What the denoiser was trained with. Default `linearSchedule()`. */
  readonly schedule?: NoiseSchedule;
  /** Runs the denoiser; default eager. Left out when `denoiser` is a network. */
  readonly executor?: Executor;
}

export interface GeneratedVideo {
  /** `[B, T, H, W, 3]`, not clamped. The caller owns it. */
  readonly video: VideoTensor;
  /** `[B, t, h, w, C]`. The caller owns it. */
  readonly latents: LatentTensor;
  readonly seed: number;
  /** Seconds. */
  readonly timings: { readonly text: number; readonly sampling: number; readonly decoding: number };
}

export interface GenerationStep extends SampleStep {
  /** The estimate of the clean latents, where the sampler gives one. Valid until the next step. */
  readonly denoised: LatentTensor | undefined;
  /**
   * Pixels of the estimate: `[B, T, H, W, 3]` by a run of the decoder, or `[B, t, h, w, 3]` by `options.preview`. The caller
   * owns them.
   */
  preview(): Promise<VideoTensor>;
}

/**
 * Yields every step and returns the clip. The shape is checked before anything runs. Ends within one step of an abort, and
 * frees everything when it is left early.
 */
export async function* streamVideo(options: GenerateOptions): AsyncGenerator<GenerationStep, GeneratedVideo, void> {
  const { vae, seed, steps = 25, guidanceScale: scale = 7.5, signal } = options;
  const given = options.denoiser;
  const isNetwork = "denoiser" in given;
  const denoiser = isNetwork ? given.denoiser : given;
  const shape = shapeOfLatents(options);
  if (denoiser.latentChannels !== vae.latentChannels) {
    throw new ConfigError(
      `denoiser has ${denoiser.latentChannels} latent channels and vae ${vae.latentChannels}; use the autoencoder that the denoiser was trained with`,
    );
  }
  const prompts = promptList(options.prompt);
  if (!Number.isInteger(steps) || steps < 1)
    throw new ConfigError(`steps is ${steps}; use a positive integer, such as 25`);
  signal?.throwIfAborted();

  const clock = stopwatch();
  const network = isNetwork ? given : denoiserNetwork(denoiser, options.executor ?? eagerExecutor());
  const owned: { dispose(): void }[] = isNetwork ? [] : [network];
  let latents: LatentTensor | undefined;
  try {
    const text = await textsOf(options, prompts.length, scale);
    const known = options.known === undefined ? undefined : { vae, shape: [prompts.length, ...shape] as const, signal };
    const control = known === undefined ? undefined : await knownControl(options.known!, known).catch(text.failed);
    if (control !== undefined) owned.push(control);
    const rescale = options.guidanceRescale ?? 0;
    const model = await guided(network, { ...text.conditions, scale, rescale, control, signal }).finally(text.dispose);
    owned.push(model);
    const textSeconds = clock();

    const noise = startingNoise(seed, [prompts.length, ...shape, vae.latentChannels]);
    owned.push(noise);
    const sampler = options.sampler ?? dpmSolverMultistep();
    const run = sampler.sample({
      ...model,
      schedule: options.schedule ?? linearSchedule(),
      steps,
      latents: noise,
      rng: createRng(seed).fork("sampler"),
      signal,
    });
    latents = yield* forwardSteps(run, options, denoiser);
    await assertFinite(latents, denoiser, steps);
    const samplingSeconds = clock();

    const video = await vae.decode(latents, { signal });
    return {
      video,
      latents,
      seed,
      timings: { text: textSeconds, sampling: samplingSeconds, decoding: clock() },
    };
  } catch (error) {
    latents?.dispose();
    throw error;
  } finally {
    for (const each of owned.toReversed()) each.dispose();
  }
}

/** Of one clip, `[time, height, width]`. Throws `ShapeError` for a clip that these models cannot make. */
export function shapeOfLatents(
  options: Pick<GenerateOptions, "denoiser" | "patchSize" | "vae" | "frames" | "height" | "width">,
): readonly [number, number, number] {
  const denoiser = "denoiser" in options.denoiser ? options.denoiser.denoiser : options.denoiser;
  const patch = options.patchSize ?? patchSizeOf(denoiser);
  return latentShape(options, { stride: options.vae.stride, patch });
}

/** `streamVideo` without looking at the steps. */
export async function generateVideo(options: GenerateOptions): Promise<GeneratedVideo> {
  const stream = streamVideo(options);
  let next = await stream.next();
  while (next.done !== true) next = await stream.next();
  return next.value;
}

/** One frame for each prompt. */
export function generateImage(options: Omit<GenerateOptions, "frames">): Promise<GeneratedVideo> {
  return generateVideo({ ...options, frames: 1 });
}

async function* forwardSteps(
  run: AsyncGenerator<SampleStep, LatentTensor, void>,
  options: GenerateOptions,
  denoiser: Denoiser,
): AsyncGenerator<GenerationStep, LatentTensor, void> {
  try {
    for (;;) {
      const next = await run.next();
      if (next.done === true) return next.value;
      const step = next.value;
      const denoised = (step as Partial<SolverStep>).denoised;
      // Broken weights show at once; later steps are not read back.
      if (step.index === 1) await assertFinite(step.latents, denoiser, 1);
      const shown = denoised ?? step.latents;
      options.onProgress?.({ type: "sample-step", index: step.index, count: step.count });
      yield {
        ...step,
        denoised,
        preview: async () =>
          options.preview === undefined
            ? options.vae.decode(shown, { signal: options.signal })
            : options.preview.project(shown),
      };
    }
  } finally {
    // Lets the sampler free its tensors when the consumer leaves; after its end this does nothing.
    await run.return(undefined as never);
  }
}

interface Texts {
  readonly conditions: Pick<GuidanceOptions, "condition" | "unconditional">;
  /** Frees what this call has encoded. */
  readonly dispose: () => void;
  /** Frees it and passes an error on. */
  readonly failed: (error: unknown) => never;
}

async function textsOf(options: GenerateOptions, batch: number, scale: GuidanceOptions["scale"]): Promise<Texts> {
  const { textEncoder: source } = options;
  const texts = (conditions: Texts["conditions"], dispose: () => void): Texts => ({
    conditions,
    dispose,
    failed(error) {
      dispose();
      throw error;
    },
  });
  if ("condition" in source) {
    if (source.condition.mask.shape[0] !== batch) {
      throw new ConfigError(
        `textEncoder holds ${source.condition.mask.shape[0]} encoded prompts but prompt has ${batch}; encode the same ones`,
      );
    }
    return texts(source, () => {});
  }
  const asked = { ...options, textEncoder: source };
  if (scale === 1) {
    const condition = await encodePositive(asked);
    return texts({ condition }, () => disposeCondition(condition));
  }
  const encoded = await encodePrompts(asked);
  return texts(encoded, () => encoded.dispose());
}

/** Each clip's noise comes from a seed of its own, so that a clip does not depend on the batch it was made in. */
function startingNoise(seed: number, shape: readonly number[]): LatentTensor {
  const [batch, ...rest] = shape as [number, ...number[]];
  return tf.tidy(() => {
    const stream = (item: number): Rng => createRng(seed + item).fork("latents");
    return tf.concat(Array.from({ length: batch }, (_, item) => stream(item).normal([1, ...rest])));
  }) as LatentTensor;
}

function patchSizeOf(denoiser: Denoiser): number {
  const { patchSize } = denoiser as { readonly patchSize?: unknown };
  return typeof patchSize === "number" ? patchSize : 1;
}

/** Seconds since the last call. */
function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now();
    const seconds = (now - last) / 1000;
    last = now;
    return seconds;
  };
}
