// A finished run as something to use: type a prompt, get a clip; give a clip, get its reconstruction.
import type { Clip } from "@noisereel/core";

export interface SampleOptions {
  readonly prompt: string;
  /** Default "". */
  readonly negativePrompt?: string;
  /** Integer from 0. The same seed gives the same bytes. */
  readonly seed: number;
  /** Denoising steps. Default the run's. */
  readonly steps?: number;
  /** 1 switches guidance off. Default the run's. */
  readonly guidanceScale?: number;
  /** Default the run's. */
  readonly sampler?: string;
  /** Pixel frames, 4k + 1. Default what the run was trained for. */
  readonly frames?: number;
  readonly height?: number;
  readonly width?: number;
  /**
   * What the clip begins with, 4k + 1 frames, cropped and resized to it: one makes image to video, more a continuation. For a
   * run whose denoiser reads given frames, see `readsFrames`.
   */
  readonly known?: Clip;
  /** Above 1: that many windows of `frames`, each going on from the last `overlap` frames of the one before. Default 1. */
  readonly windows?: number;
  /** 4k + 1, fewer than `frames`. Default 5, or 1 for windows of 5 frames. */
  readonly overlap?: number;
  readonly signal?: AbortSignal;
  /** After each step. `preview()` decodes the current estimate of the clip; it costs a decode. */
  readonly onStep?: (step: SampledStep) => void | Promise<void>;
}

export interface SampledStep {
  /** From 1 to `count`, over all windows. */
  readonly index: number;
  readonly count: number;
  readonly timestep: number;
  preview(): Promise<Clip>;
}

export interface SampledClip {
  readonly clip: Clip;
  readonly seconds: number;
  /** Everything needed to make the same clip again. */
  readonly settings: {
    readonly prompt: string;
    readonly negativePrompt: string;
    readonly seed: number;
    readonly steps: number;
    readonly guidanceScale: number;
    readonly sampler: string;
    /** Of one window. */
    readonly frames: number;
    readonly height: number;
    readonly width: number;
    readonly model: string;
    /** With `overlap`, for more than one. */
    readonly windows?: number;
    readonly overlap?: number;
  };
}

export interface ReconstructedClip {
  /** What went in, cropped and resized to what the autoencoder takes. */
  readonly original: Clip;
  readonly reconstruction: Clip;
  /** Decibels, mean over frames. */
  readonly psnr: number;
  readonly ssim: number;
}

/** A trained autoencoder, text encoder and denoiser, loaded from a run's folder. */
export interface TrainedRun {
  readonly folder: string;
  /** What the run was trained for. */
  readonly defaults: {
    readonly frames: number;
    readonly height: number;
    readonly width: number;
    /** Frames a second of what it makes. */
    readonly fps: number;
    readonly steps: number;
    readonly guidanceScale: number;
    readonly sampler: string;
  };
  /** Names of the samplers that `sample` takes. */
  readonly samplers: readonly string[];
  /** Whether its denoiser goes on from given frames: `known` and `windows` need one that does. Left out: it does not. */
  readonly readsFrames?: boolean;
  /** The captions it was trained with, as examples. */
  readonly captions: readonly string[];
  /** Throws ConfigError or ShapeError with one clear sentence before any work when an option cannot be used. */
  sample(options: SampleOptions): Promise<SampledClip>;
  reconstruct(clip: Clip, options?: { readonly signal?: AbortSignal }): Promise<ReconstructedClip>;
  dispose(): void;
}
