import * as tf from "@tensorflow/tfjs";
import type { Rng } from "../contracts.js";
import { Module, Parameter } from "../module.js";
import { groupNorm, layerNorm } from "../ops/normalization.js";
import { fillWith } from "./initial.js";

/** Group normalisation with a scale and a bias for each channel. */
export class GroupNorm extends Module {
  /** `[channels]`, 1 at first. */
  readonly weight: Parameter;
  /** `[channels]`, 0 at first. */
  readonly bias: Parameter;
  readonly #groups: number;
  readonly #epsilon: number;

  constructor(options: { readonly channels: number; readonly groups: number; readonly epsilon: number }) {
    super();
    this.weight = new Parameter([options.channels], { fill: 1 });
    this.bias = new Parameter([options.channels]);
    this.#groups = options.groups;
    this.#epsilon = options.epsilon;
  }

  /** `x`: `[B, ...spatial, C]`; same shape. */
  forward<T extends tf.Tensor>(x: T): T {
    const options = { groups: this.#groups, epsilon: this.#epsilon };
    return groupNorm(x, this.weight.variable, this.bias.variable, options);
  }

  override resetParameters(): void {
    fillWith(this.weight, 1);
    fillWith(this.bias, 0);
  }
}

/** Layer normalisation over the last axis, with an optional scale and bias. */
export class LayerNorm extends Module {
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;
  readonly #epsilon: number;

  constructor(options: { readonly width: number; readonly epsilon: number; readonly affine?: boolean }) {
    super();
    const affine = options.affine ?? true;
    this.weight = affine ? new Parameter([options.width], { fill: 1 }) : null;
    this.bias = affine ? new Parameter([options.width]) : null;
    this.#epsilon = options.epsilon;
  }

  /** `x`: `[..., width]`; same shape. */
  forward<T extends tf.Tensor>(x: T): T {
    return tf.tidy(() => {
      const y = layerNorm(x, this.#epsilon);
      if (this.weight === null || this.bias === null) return y;
      return tf.add(tf.mul(y, this.weight.variable), this.bias.variable) as T;
    });
  }

  override resetParameters(_rng: Rng): void {
    if (this.weight !== null) fillWith(this.weight, 1);
    if (this.bias !== null) fillWith(this.bias, 0);
  }
}
