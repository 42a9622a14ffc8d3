// The interfaces that packages and plugins meet in. Tensors are channels-last: B batch, T time, H height, W width, C channels.
import type * as tf from "@tensorflow/tfjs";
import type { Module, Parameter } from "./module.js";

// ---------------------------------------------------------------- shared
export type MaybePromise<T> = T | Promise<T>;
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type NamedTensors = Readonly<Record<string, tf.Tensor>>;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: ProgressEvent) => void) | undefined;
}

/** One union for every long call. `index` counts finished units from 1 to `count`. */
export type ProgressEvent =
  | { readonly type: "load"; readonly file: string; readonly loaded: number; readonly total?: number }
  | {
      readonly type: "tile" | "clip" | "sample-step" | "train-step";
      readonly index: number;
      readonly count: number;
    };

/** Seeded, forkable and serialisable randomness. Every random draw of the library goes through one. */
export interface Rng {
  /** An independent stream that depends only on this stream's seed and `name`, not on what was drawn before. */
  fork(name: string): Rng;
  /** In [0, 1), 53 bits. */
  uniform(): number;
  /** An integer in [0, maxExclusive). */
  integer(maxExclusive: number): number;
  /** `count` standard normal numbers. */
  normals(count: number): Float32Array;
  /** A float32 tensor of standard normal numbers on the current backend. */
  normal(shape: readonly number[]): tf.Tensor;
  state(): JsonValue;
  restore(state: JsonValue): void;
}

// ---------------------------------------------------------------- tensors
/** Pixels, `[batch, time, height, width, 3]`, float32 in [-1, 1]. */
export type VideoTensor = tf.Tensor5D;
/** Latents, `[batch, time, height, width, channels]`, already scaled for a denoiser. */
export type LatentTensor = tf.Tensor5D;

// ---------------------------------------------------------------- models
/** Pixels per latent. Time maps `1 + time * n` frames to `1 + n` latent frames. */
export interface Stride {
  readonly time: number;
  readonly height: number;
  readonly width: number;
}

export interface VideoAutoencoder {
  readonly name: string;
  readonly latentChannels: number;
  readonly stride: Stride;
  /** The posterior's mean, or one sample of it when `rng` is given. */
  encode(video: VideoTensor, options?: CallOptions & { readonly rng?: Rng }): MaybePromise<LatentTensor>;
  /** Pixels, not clamped. */
  decode(latents: LatentTensor, options?: CallOptions): MaybePromise<VideoTensor>;
  dispose(): void;
}

export interface TextCondition {
  /** `[batch, captions, tokens, width]`: the video's caption first, then one for each still. */
  readonly embeddings: tf.Tensor4D;
  /** `[batch, captions, tokens]`, float32, 1 where a token is real. */
  readonly mask: tf.Tensor3D;
}

export interface TextEncoder {
  readonly name: string;
  readonly width: number;
  readonly maxTokens: number;
  encode(prompts: readonly (readonly string[])[], options?: CallOptions): MaybePromise<TextCondition>;
  dispose(): void;
}

export interface DenoiserInput {
  /** Noisy latents; the last `stills` time slots are independent images. */
  readonly latents: LatentTensor;
  readonly stills: number;
  /** `[batch]`, float32: index into the schedule, fractional for some samplers. */
  readonly timesteps: tf.Tensor1D;
  readonly condition: TextCondition;
  /**
   * `[batch, slots, height, width, controlChannels]`: what is known of the clean latents, for a denoiser that reads it. Left
   * out, nothing is known.
   */
  readonly control?: tf.Tensor5D | undefined;
}

export interface Denoiser {
  readonly name: string;
  readonly latentChannels: number;
  readonly predicts: "noise" | "velocity" | "sample";
  /** True when the output has `2 * latentChannels`: the prediction, then the variance. */
  readonly learnsVariance: boolean;
  /** Channels of the control that it reads beside the latents; 0 or left out when it reads none. */
  readonly controlChannels?: number;
  /** Synchronous and free of side effects: it also runs inside a gradient and inside a trace. */
  predict(input: DenoiserInput): tf.Tensor5D;
  dispose(): void;
}

// ---------------------------------------------------------------- diffusion
/** Host-side tables with one float64 entry for each training timestep. */
export interface NoiseSchedule {
  readonly name: string;
  readonly betas: Float64Array;
  readonly alphasCumprod: Float64Array;
}

export interface SampleRequest {
  /** A denoiser with prompt and guidance already applied. The sampler disposes what it returns. */
  readonly predict: (latents: LatentTensor, timestep: number) => MaybePromise<tf.Tensor5D>;
  readonly predicts: Denoiser["predicts"];
  readonly learnsVariance: boolean;
  readonly schedule: NoiseSchedule;
  readonly steps: number;
  /** Starting noise, standard normal; the sampler scales it and does not dispose it. */
  readonly latents: LatentTensor;
  readonly rng: Rng;
  readonly signal?: AbortSignal | undefined;
}

export interface SampleStep {
  readonly index: number;
  readonly count: number;
  readonly timestep: number;
  /** Valid until the next step; clone to keep. */
  readonly latents: LatentTensor;
}

export interface Sampler {
  readonly name: string;
  /** Yields after every step and returns the final latents, which the caller owns. */
  sample(request: SampleRequest): AsyncGenerator<SampleStep, LatentTensor, void>;
}

// ---------------------------------------------------------------- data
export interface Clip {
  readonly id: string;
  /** RGB bytes, `frames * height * width * 3`. An image is a clip of one frame. */
  readonly pixels: Uint8Array;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
  /** Frames a second. */
  readonly fps: number;
  readonly caption?: string;
}

export interface ClipSource {
  readonly name: string;
  readonly length: number;
  /** Throws `ClipError` when the clip cannot be had. */
  get(index: number, options?: CallOptions): MaybePromise<Clip>;
  close?(): MaybePromise<void>;
}

export type ClipTransform = (clip: Clip, rng: Rng) => MaybePromise<Clip>;

/** What a training step gets: one video, and the images trained beside it. */
export interface Example {
  readonly video: Clip;
  readonly stills: readonly Clip[];
}

// ---------------------------------------------------------------- training
export interface LossContext {
  /** Tensors that an earlier phase of this step made and a later one reads. Lives as long as the step. */
  readonly kept: Map<string, tf.Tensor>;
  /** Scalar, float32: the number of the step, from 0. A tensor, because a traced step runs many times. */
  readonly step: tf.Scalar;
}

export interface TrainPhase<Batch extends NamedTensors = NamedTensors> {
  readonly name: string;
  parameters(): Iterable<readonly [name: string, parameter: Parameter]>;
  /** Runs inside a gradient and inside a trace: synchronous, reads no data back, draws nothing at random. */
  loss(
    batch: Batch,
    context: LossContext,
  ): { readonly loss: tf.Scalar; readonly scalars?: Readonly<Record<string, tf.Scalar>> };
}

/** What is trained: how items become tensors, and how tensors become losses. */
export interface TrainTask<Item = Example, Batch extends NamedTensors = NamedTensors> {
  readonly name: string;
  /** What a checkpoint holds, by name prefix. */
  readonly modules: Readonly<Record<string, Module>>;
  /** Run in order on the same batch; a plain model has one, a GAN-trained one two. */
  readonly phases: readonly TrainPhase<Batch>[];
  /** Runs outside the gradient: frozen encoders and every random draw belong here. The trainer disposes the tensors. */
  prepare(items: readonly Item[], context: { readonly step: number; readonly rng: Rng }): MaybePromise<Batch>;
}

/** Values of one step as scalars, so that a traced step is not tied to the numbers of its first run. */
export interface OptimizerStep {
  /** The number of the step, from 1. */
  readonly step: tf.Scalar;
  readonly learningRate: tf.Scalar;
}

export interface Optimizer {
  readonly name: string;
  /** Updates the parameters in place by `variable.assign`; runs inside a trace. */
  apply(
    parameters: Iterable<readonly [name: string, parameter: Parameter]>,
    gradients: ReadonlyMap<string, tf.Tensor>,
    step: OptimizerStep,
  ): void;
  /** Its slots (moments), named after the parameters they belong to: what a checkpoint holds of it. */
  slots(): Iterable<readonly [name: string, parameter: Parameter]>;
  dispose(): void;
}

export interface TrainStep {
  /** From 1. */
  readonly step: number;
  readonly totalSteps: number;
  /** By phase. */
  readonly losses: Readonly<Record<string, number>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface TrainRun {
  readonly task: TrainTask<never>;
  readonly step: number;
  readonly totalSteps: number;
  readonly rng: Rng;
  readonly signal: AbortSignal;
  /** Weights, optimizer, data position, randomness and plugin state: enough to resume exactly. */
  checkpoint(): Promise<Checkpoint>;
}

/** Something that a run does beside its steps and that takes time: an estimate does it a few times to say how much. */
export interface SideWork {
  /** For people, e.g. "samples"; works of one name are added up. */
  readonly name: string;
  /** How often a run does it from its first step to its last. */
  readonly times: number;
  /**
   * Does it once as the run would, between two steps, and leaves nothing behind: weights, random streams and what the plugin
   * remembers stay as they were. Stops when `run.signal` aborts.
   */
  once(run: TrainRun): MaybePromise<void>;
  /** Frees what `once` made. */
  dispose?(): MaybePromise<void>;
}

export interface TrainerPlugin {
  readonly name: string;
  onStart?(run: TrainRun): MaybePromise<void>;
  onStep?(step: TrainStep, run: TrainRun): MaybePromise<void>;
  onEnd?(run: TrainRun): MaybePromise<void>;
  /** Saved in every checkpoint under the plugin's name and handed back on resume. */
  state?(): Checkpoint;
  restore?(state: Checkpoint): void;
  /**
   * What the hooks take time for in a run of so many steps, for estimates; empty when they take none worth saying. Left out, an
   * estimate says that the plugin was not measured.
   */
  sideWork?(totalSteps: number): readonly SideWork[];
}

// ---------------------------------------------------------------- storage, logging, evaluation
export type StoredDtype = "F32" | "F16" | "BF16" | "F64" | "I64" | "I32" | "U8" | "BOOL";

/** A tensor as bytes: row-major, little endian. */
export interface StoredTensor {
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}
export type StateDict = ReadonlyMap<string, StoredTensor>;

export interface Checkpoint {
  readonly tensors: StateDict;
  readonly meta: { readonly [key: string]: JsonValue };
}

export interface CheckpointStore {
  readonly name: string;
  /** Identifiers that verify, oldest first. */
  list(): MaybePromise<readonly string[]>;
  load(id: string, options?: CallOptions): MaybePromise<Checkpoint>;
  save(id: string, checkpoint: Checkpoint, options?: CallOptions): MaybePromise<void>;
  remove(id: string): MaybePromise<void>;
}

export interface Tracker {
  readonly name: string;
  scalars(step: number, values: Readonly<Record<string, number>>): MaybePromise<void>;
  clip?(step: number, key: string, clip: Clip): MaybePromise<void>;
  /**
   * A whole checkpoint holds the run up to and including `step`: these steps are told again only when the run has to go on
   * from an older checkpoint, and later ones whenever it is killed or rolled back. For trackers that cannot take back what
   * they have sent. Called after each checkpoint and when a run that has a store ends; never without a store.
   */
  saved?(step: number): MaybePromise<void>;
  close?(): MaybePromise<void>;
}

export interface Metric {
  readonly name: string;
  readonly better: "higher" | "lower";
  /** `[batch, time, height, width, 3]` in [-1, 1], same shape. */
  update(generated: VideoTensor, reference: VideoTensor): MaybePromise<void>;
  compute(): MaybePromise<number>;
  reset(): void;
}

// ---------------------------------------------------------------- execution
/** Named tensors in, named tensors out. Synchronous; variables it reads are parameters, variables it assigns are state. */
export type TensorFunction = (inputs: NamedTensors) => Record<string, tf.Tensor>;

export interface Executable {
  /** Borrows its inputs; the caller owns the results. */
  run(
    inputs: NamedTensors,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Record<string, tf.Tensor>>;
  /** Writes state that the executable holds back to the variables (for a checkpoint, a sample or another executor). */
  sync(): Promise<void>;
  dispose(): void;
}

/**
 * How a tensor function is run: eagerly on a tfjs backend, or compiled to one ONNX Runtime session for each input shape.
 * Training needs nothing special: a step is a function that assigns variables.
 */
export interface Executor {
  readonly name: string;
  /** `weights: "constant"` promises that the variables rarely change, so they may be packed for speed (inference). */
  compile(fn: TensorFunction, options: { readonly name: string; readonly weights?: "input" | "constant" }): Executable;
}
