// One clip from a prompt with a run's models, of one window or several.
import type { compiled } from "@noisereel/causal-vae";
import { type Clip, ConfigError, createRng, type Sampler, type TextEncoder } from "@noisereel/core";
import { centerCropResize, clipToTensor, tensorToClip } from "@noisereel/data";
import { type DenoiserNetwork, streamLongVideo } from "@noisereel/diffusion";
import type { SampledClip, SampleOptions, TrainedRun } from "./trained-run.js";

export interface RunModels {
  readonly network: DenoiserNetwork;
  readonly autoencoder: ReturnType<typeof compiled>;
  readonly textEncoder: TextEncoder;
  /** Those that the denoiser was trained for, by name. */
  readonly samplers: Readonly<Record<string, () => Sampler>>;
  readonly objective: string;
  readonly defaults: TrainedRun["defaults"];
  /** What identifies the weights. */
  readonly model: string;
}

export async function sampleClip(models: RunModels, request: SampleOptions): Promise<SampledClip> {
  const { network, autoencoder, textEncoder, samplers, objective, defaults, model } = models;
  const { prompt, seed, negativePrompt = "", windows = 1, known, signal } = request;
  const { steps, guidanceScale, frames, height, width, sampler } = { ...defaults, ...definedOnly(request) };
  const { overlap = frames > 5 ? 5 : 1 } = request;
  const makeSampler = Object.hasOwn(samplers, sampler) ? samplers[sampler] : undefined;
  if (makeSampler === undefined) {
    throw new ConfigError(
      `sampler is "${sampler}"; this run was trained for ${objective}, use one of ${Object.keys(samplers).join(", ")}`,
    );
  }
  if ((known !== undefined || windows > 1) && (network.denoiser.controlChannels ?? 0) === 0) {
    throw new ConfigError(
      `${known === undefined ? `windows is ${windows}` : "known is given"} but this run's denoiser reads no given frames; train one that does with recipes/programs/image-to-video.ts`,
    );
  }
  if (known !== undefined && known.frames >= frames) {
    throw new ConfigError(
      `known has ${known.frames} frames and the clip ${frames}, which leaves nothing to make; give fewer frames (--overlap), or make a longer clip`,
    );
  }
  const started = performance.now();
  const clipOf = (video: Awaited<ReturnType<typeof autoencoder.decode>>) =>
    tensorToClip(video, { id: `seed-${seed}`, fps: defaults.fps, caption: prompt }).finally(() => video.dispose());
  const fitted = known === undefined ? undefined : await centerCropResize({ height, width })(known, createRng(seed));
  const knownVideo = fitted === undefined ? undefined : clipToTensor(fitted);
  const parts: Clip[] = [];
  try {
    const stream = streamLongVideo({
      denoiser: network,
      vae: autoencoder,
      textEncoder,
      prompt,
      negativePrompt,
      seed,
      sampler: makeSampler(),
      steps,
      guidanceScale,
      windowFrames: frames,
      windows,
      overlap,
      height,
      width,
      ...(knownVideo === undefined ? {} : { known: { video: knownVideo } }),
      ...(signal === undefined ? {} : { signal }),
      onStep: async (step, window) => {
        const { count, timestep } = step;
        const done = { index: (window - 1) * count + step.index, count: windows * count, timestep };
        await request.onStep?.({ ...done, preview: async () => clipOf(await step.preview()) });
      },
    });
    for await (const { video } of stream) parts.push(await clipOf(video));
  } finally {
    knownVideo?.dispose();
  }
  const seconds = (performance.now() - started) / 1000;
  const used = { prompt, negativePrompt, seed, steps, guidanceScale, sampler, frames, height, width, model };
  const settings = windows === 1 ? used : { ...used, windows, overlap };
  return { clip: joined(parts), seconds, settings };
}

/** Clips of one size one after the other. */
function joined(parts: readonly Clip[]): Clip {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const pixels = new Uint8Array(parts.reduce((sum, part) => sum + part.pixels.length, 0));
  let offset = 0;
  for (const part of parts) {
    pixels.set(part.pixels, offset);
    offset += part.pixels.length;
  }
  return { ...first!, pixels, frames: parts.reduce((sum, part) => sum + part.frames, 0) };
}

/** What a request gives in place of the run's defaults. */
function definedOnly(request: SampleOptions): Partial<TrainedRun["defaults"]> {
  const { steps, guidanceScale, sampler, frames, height, width } = request;
  const given = { steps, guidanceScale, sampler, frames, height, width };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
