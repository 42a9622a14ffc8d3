// What a denoiser is trained to do. B batch, S slots, h w C latents.
import type { Denoiser, NamedTensors, Rng } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";

/** One `[B]` float32 array for each name: what the formulas need of a batch's timesteps. */
export type TimestepFactors = Readonly<Record<string, Float32Array>>;

export interface LossInput {
  /** What the denoiser returned, `[B, S, h, w, C]` or twice the channels. */
  readonly output: tf.Tensor5D;
  /** Clean latents, `[B, S, h, w, C]`. */
  readonly clean: tf.Tensor5D;
  /** `[B, S, h, w, C]`. */
  readonly noise: tf.Tensor5D;
  /** What `noised` made of the two, `[B, S, h, w, C]`. */
  readonly noisy: tf.Tensor5D;
  /** `factors` as tensors `[B]`. */
  readonly factors: NamedTensors;
}

/**
 * A way to train: which timesteps are drawn, how samples are noised and what the loss is. The look-ups in float64 tables
 * happen on the host in `factors`, so that the rest is traceable with the timesteps as inputs.
 */
export interface Objective {
  readonly name: string;
  /** What the denoiser's output must estimate. */
  readonly predicts: Denoiser["predicts"];
  /** Whether the denoiser must have `2 * latentChannels` outputs; `undefined` allows both. */
  readonly learnsVariance: boolean | undefined;
  /** True when timesteps are drawn by the losses of items, which a task then reports as scalars; see `itemScalars`. */
  readonly needsItemLosses?: boolean;
  /** One timestep for each of `count` batch items, and the weight of its loss. */
  drawTimesteps(count: number, rng: Rng): { readonly timesteps: Float32Array; readonly weights: Float32Array };
  factors(timesteps: ArrayLike<number>): TimestepFactors;
  /** Clean latents and noise, mixed for the timesteps of `factors`. Same shape. */
  noised(clean: tf.Tensor5D, noise: tf.Tensor5D, factors: NamedTensors): tf.Tensor5D;
  /** The loss of each batch item and its parts, all `[B]`. */
  losses(input: LossInput): { readonly loss: tf.Tensor1D; readonly parts: Readonly<Record<string, tf.Tensor1D>> };
}
