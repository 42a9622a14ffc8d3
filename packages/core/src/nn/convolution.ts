import * as tf from "@tensorflow/tfjs";
import type { Rng } from "../contracts.js";
import { Module, Parameter } from "../module.js";
import { sizeOf } from "../shape.js";
import { drawUniform } from "./initial.js";

/** Zeros put around an axis: before and after. */
export type AxisPadding = readonly [before: number, after: number];

/** 2D cross-correlation, channels last. */
export class Conv2d extends Module {
  /** Storage `[kh, kw, in, out]`; checkpoint `[out, in, kh, kw]`. */
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #stride: readonly [number, number];
  readonly #padding: readonly [AxisPadding, AxisPadding];

  constructor(options: {
    readonly in: number;
    readonly out: number;
    readonly kernel: readonly [number, number];
    /** Default 1. */
    readonly stride?: readonly [number, number];
    /** Zeros around height and width. Default none. */
    readonly padding?: readonly [AxisPadding, AxisPadding];
    readonly bias?: boolean;
  }) {
    super();
    this.weight = new Parameter([...options.kernel, options.in, options.out], { axes: [3, 2, 0, 1] });
    this.bias = (options.bias ?? true) ? new Parameter([options.out]) : null;
    this.#stride = options.stride ?? [1, 1];
    this.#padding = options.padding ?? [
      [0, 0],
      [0, 0],
    ];
  }

  /** `x`: `[B, H, W, in]`; result `[B, H', W', out]`. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const [vertical, horizontal] = this.#padding;
      const pad: [[number, number], [number, number], [number, number], [number, number]] = [
        [0, 0],
        [...vertical],
        [...horizontal],
        [0, 0],
      ];
      const y = tf.conv2d(x, this.weight.variable as tf.Tensor4D, [...this.#stride], pad);
      return this.bias === null ? y : (tf.add(y, this.bias.variable) as tf.Tensor4D);
    });
  }

  override resetParameters(rng: Rng): void {
    drawUniform([this.weight, this.bias], sizeOf(this.weight.shape.slice(0, 3)), rng);
  }
}

/** 3D cross-correlation, channels last, zero-padded. */
export class Conv3d extends Module {
  /** Storage `[kt, kh, kw, in, out]`; checkpoint `[out, in, kt, kh, kw]`. */
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #stride: readonly [number, number, number];
  readonly #padding: readonly [AxisPadding, AxisPadding, AxisPadding];

  constructor(options: {
    readonly in: number;
    readonly out: number;
    readonly kernel: readonly [number, number, number];
    /** Default 1. */
    readonly stride?: readonly [number, number, number];
    /** Zeros around time, height and width. Default none. */
    readonly padding?: readonly [AxisPadding, AxisPadding, AxisPadding];
    readonly bias?: boolean;
  }) {
    super();
    this.weight = new Parameter([...options.kernel, options.in, options.out], { axes: [4, 3, 0, 1, 2] });
    this.bias = (options.bias ?? true) ? new Parameter([options.out]) : null;
    this.#stride = options.stride ?? [1, 1, 1];
    this.#padding = options.padding ?? [
      [0, 0],
      [0, 0],
      [0, 0],
    ];
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T', H', W', out]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => {
      const around = this.#padding.map((axis): [number, number] => [...axis]);
      const padded = around.flat().some((zeros) => zeros > 0) ? tf.pad(x, [[0, 0], ...around, [0, 0]]) : x;
      const y = tf.conv3d(padded, this.weight.variable as tf.Tensor5D, [...this.#stride], "valid");
      return this.bias === null ? y : (tf.add(y, this.bias.variable) as tf.Tensor5D);
    });
  }

  override resetParameters(rng: Rng): void {
    drawUniform([this.weight, this.bias], sizeOf(this.weight.shape.slice(0, 4)), rng);
  }
}
