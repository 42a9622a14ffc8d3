// The image VAE's convolutions and resamplers. They run on every frame by itself.
import { type AxisPadding, drawUniform, Module, Parameter, type Rng, sizeOf, upsampleNearest2d } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { frameConv } from "./conv.js";
import { perFrame } from "./frames.js";

/** A 2D convolution of every frame. */
export class Conv2d extends Module {
  /** Storage `[kh, kw, in, out]`; checkpoint `[out, in, kh, kw]`. */
  readonly weight: Parameter;
  /** `[out]`. */
  readonly bias: Parameter;
  readonly #stride: number;
  readonly #pad: readonly [AxisPadding, AxisPadding];

  constructor(options: {
    readonly in: number;
    readonly out: number;
    /** Height and width. */
    readonly kernel: readonly [height: number, width: number];
    /** In height and width. Default 1. */
    readonly stride?: number;
    /** Zeros above and below, left and right. Default none. */
    readonly pad?: readonly [AxisPadding, AxisPadding];
  }) {
    super();
    this.weight = new Parameter([...options.kernel, options.in, options.out], { axes: [3, 2, 0, 1] });
    this.bias = new Parameter([options.out]);
    this.#stride = options.stride ?? 1;
    this.#pad = options.pad ?? [
      [0, 0],
      [0, 0],
    ];
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T, H', W', out]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return frameConv(x, this.weight.variable as tf.Tensor4D, this.bias.variable as tf.Tensor1D, {
      strides: [1, this.#stride, this.#stride],
      pad: this.#pad,
    });
  }

  override resetParameters(rng: Rng): void {
    drawUniform([this.weight, this.bias], sizeOf(this.weight.shape.slice(0, 3)), rng);
  }
}

/** Halves height and width: zeros at the right and at the bottom, then 3x3 with stride 2. */
export class Downsample extends Module {
  readonly conv: Conv2d;

  constructor(channels: number) {
    super();
    const after = [0, 1] as const;
    this.conv = new Conv2d({ in: channels, out: channels, kernel: [3, 3], stride: 2, pad: [after, after] });
  }

  /** `x`: `[B, T, H, W, C]`; result `[B, T, floor(H/2), floor(W/2), C]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return this.conv.forward(x);
  }
}

/** Doubles height and width: nearest neighbour, then 3x3. */
export class Upsample extends Module {
  readonly conv: Conv2d;

  constructor(channels: number) {
    super();
    const around = [1, 1] as const;
    this.conv = new Conv2d({ in: channels, out: channels, kernel: [3, 3], pad: [around, around] });
  }

  /** `x`: `[B, T, H, W, C]`; result `[B, T, 2H, 2W, C]`. */
  forward(x: tf.Tensor5D): tf.Tensor5D {
    return tf.tidy(() => this.conv.forward(perFrame(x, (frames) => upsampleNearest2d(frames, 2))));
  }
}
