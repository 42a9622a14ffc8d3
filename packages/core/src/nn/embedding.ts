import * as tf from "@tensorflow/tfjs";
import type { Rng } from "../contracts.js";
import { Module, Parameter } from "../module.js";
import { drawNormal } from "./initial.js";

/** A table of rows looked up by integer. */
export class Embedding extends Module {
  /** `[rows, width]`. */
  readonly weight: Parameter;

  constructor(options: { readonly rows: number; readonly width: number }) {
    super();
    this.weight = new Parameter([options.rows, options.width]);
  }

  /** `ids`: any shape, int32 in [0, rows); result `[...ids, width]`. */
  forward(ids: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const rows = tf.gather(this.weight.variable as tf.Tensor2D, tf.reshape(ids, [ids.size]));
      return tf.reshape(rows, [...ids.shape, this.weight.shape[1]!]);
    });
  }

  /** Standard normal, PyTorch's default. */
  override resetParameters(rng: Rng): void {
    drawNormal(this.weight, 1, rng);
  }
}
