// Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167), channels last.
import { drawNormal, fillWith, Module, Parameter, type Rng, sizeOf } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";

const epsilon = 1e-5;
const momentum = 0.1;

/**
 * Which statistics normalise: the batch's own, or those that training has tracked. "tracked batch" is the batch's own,
 * which the tracked ones then move towards: what a training step does.
 */
export type BatchStatistics = "batch" | "tracked batch" | "running";

export class BatchNorm extends Module {
  /** `[channels]`. */
  readonly weight: Parameter;
  readonly bias: Parameter;
  readonly running_mean: Parameter;
  readonly running_var: Parameter;

  constructor(channels: number) {
    super();
    this.weight = new Parameter([channels], { fill: 1 });
    this.bias = new Parameter([channels]);
    this.running_mean = new Parameter([channels], { trainable: false });
    this.running_var = new Parameter([channels], { fill: 1, trainable: false });
  }

  /** `x`: `[N, ...spatial, C]`; same shape. */
  forward(x: tf.Tensor, statistics: BatchStatistics): tf.Tensor {
    return tf.tidy(() => {
      const { mean, variance } =
        statistics === "running"
          ? { mean: this.running_mean.variable, variance: this.running_var.variable }
          : batchStatistics(x);
      if (statistics === "tracked batch") this.#track(x);
      const normalised = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
      return tf.add(tf.mul(normalised, this.weight.variable), this.bias.variable);
    });
  }

  /** Values that are not finite are not taken over: they would never leave again. */
  #track(x: tf.Tensor): void {
    const { mean, variance } = this.tracked(x);
    for (const [{ variable }, next] of [
      [this.running_mean, mean],
      [this.running_var, variance],
    ] as const) {
      variable.assign(tf.where<tf.Tensor>(tf.isFinite(next), next, variable));
    }
  }

  /** What the tracked statistics become after a batch `x`: a tenth of the way to its mean and unbiased variance. */
  tracked(x: tf.Tensor): { readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D } {
    return tf.tidy(() => {
      const { mean, variance } = batchStatistics(x);
      const count = sizeOf(x.shape.slice(0, -1));
      const towards = (old: Parameter, now: tf.Tensor): tf.Tensor1D =>
        tf.add(tf.mul(old.variable, 1 - momentum), tf.mul(now, momentum));
      return {
        mean: towards(this.running_mean, mean),
        variance: towards(this.running_var, tf.mul(variance, count / (count - 1))),
      };
    });
  }

  /** PatchGAN's start: weights normal around 1 with standard deviation 0.02. */
  override resetParameters(rng: Rng): void {
    drawNormal(this.weight, 0.02, rng);
    tf.tidy(() => this.weight.variable.assign(tf.add(this.weight.variable, 1)));
    fillWith(this.bias, 0);
    fillWith(this.running_mean, 0);
    fillWith(this.running_var, 1);
  }
}

function batchStatistics(x: tf.Tensor): { readonly mean: tf.Tensor; readonly variance: tf.Tensor } {
  const rows = tf.reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1)!]);
  const mean = tf.mean(rows, 0);
  return { mean, variance: tf.mean(tf.square(tf.sub(rows, mean)), 0) };
}
