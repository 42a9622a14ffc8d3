import type * as tf from "@tensorflow/tfjs";
import type { Rng } from "../contracts.js";
import { Module, Parameter } from "../module.js";
import { linear } from "../ops/linear.js";
import { drawUniform } from "./initial.js";

/** `y = x W^T + b` over the last axis. */
export class Linear extends Module {
  /** `[out, in]`, as in checkpoints. */
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(options: { readonly in: number; readonly out: number; readonly bias?: boolean }) {
    super();
    this.weight = new Parameter([options.out, options.in]);
    this.bias = (options.bias ?? true) ? new Parameter([options.out]) : null;
  }

  /** `x`: `[..., in]`; result `[..., out]`. */
  forward(x: tf.Tensor): tf.Tensor {
    return linear(x, this.weight.variable as tf.Tensor2D, this.bias?.variable as tf.Tensor1D | undefined);
  }

  override resetParameters(rng: Rng): void {
    drawUniform([this.weight, this.bias], this.weight.shape[1]!, rng);
  }
}
