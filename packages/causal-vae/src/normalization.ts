// Group normalisation of clips.
import { fillWith, groupNorm, Module, Parameter } from "@noisereel/core";
import type * as tf from "@tensorflow/tfjs";
import { perFrame } from "./frames.js";

export interface NormalizeOptions {
  /** Number of groups. */
  readonly groups: number;
  /** Over which frames the statistics are pooled: all of the clip's, or one at a time. */
  readonly statistics: "clip" | "per-frame";
}

/** Group norm with epsilon 1e-6 and a scale and a bias for each channel. */
export class Normalize extends Module {
  /** `[channels]`, 1 at first. */
  readonly weight: Parameter;
  /** `[channels]`, 0 at first. */
  readonly bias: Parameter;
  readonly #options: NormalizeOptions;

  constructor(channels: number, options: NormalizeOptions) {
    super();
    this.weight = new Parameter([channels], { fill: 1 });
    this.bias = new Parameter([channels]);
    this.#options = options;
  }

  /** `x`: `[B, T, H, W, C]`; same shape. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    const apply = <T extends tf.Tensor>(input: T): T =>
      groupNorm(input, this.weight.variable, this.bias.variable, { groups: this.#options.groups, epsilon: 1e-6 });
    return this.#options.statistics === "clip" ? apply(x) : perFrame(x, apply);
  }

  override resetParameters(): void {
    fillWith(this.weight, 1);
    fillWith(this.bias, 0);
  }
}
