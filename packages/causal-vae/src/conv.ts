// Convolution over time that looks only back: the first frame is repeated before the clip, never zeros.
import {
  hasKernel,
  drawUniform,
  fillWith,
  Module,
  Parameter,
  type Rng,
  runKernel,
  ShapeError,
  sizeOf,
  withGradient,
  type AxisPadding,
} from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { perFrame } from "./frames.js";
import { type Past, wholeClip } from "./past.js";

export interface CausalConvOptions {
  /** Steps in time, height and width. */
  readonly strides: readonly [time: number, height: number, width: number];
  /** Zeros above and below, left and right. */
  readonly pad: readonly [vertical: AxisPadding, horizontal: AxisPadding];
}

/** Numbers in a clip from which on its layout matters. */
const largeSize = 2 ** 22;

/**
 * Cross-correlation of `x` `[B, T, H, W, in]` with `kt - 1` copies of its first frame in front: valid in time, padded
 * with zeros in space. `filter`: `[kt, kh, kw, in, out]`, `bias`: `[out]`; result `[B, T', H', W', out]` with
 * `T' = floor((T - 1) / strides[0]) + 1`. Runs the backend's kernel `nn.Conv3DCausal` where there is one.
 */
export function causalConv3d(
  x: tf.Tensor5D,
  filter: tf.Tensor5D,
  bias: tf.Tensor1D,
  options: CausalConvOptions,
): tf.Tensor5D {
  if (x.shape[4] !== filter.shape[3]) {
    throw new ShapeError(
      `x has ${x.shape[4]} channels but the filter reads ${filter.shape[3]}; give x of shape [B, T, H, W, ${filter.shape[3]}]`,
    );
  }
  const taps = filter.shape[0];
  if (taps === 1 && options.strides[0] === 1) {
    // Compiled, large frames stay where they are: a product of matrices would move the channels last and back.
    const large = x.size >= largeSize && hasKernel("nn.Conv3DCausal");
    return large ? fused(x, filter, bias, options) : frameConv(x, tf.squeeze(filter, [0]), bias, options);
  }
  // Every tap sees the same frame, so their sum is a 2D kernel.
  if (x.shape[1] === 1) return tf.tidy(() => frameConv(x, tf.sum(filter, 0), bias, options));
  if (hasKernel("nn.Conv3DCausal")) return fused(x, filter, bias, options);
  return tf.tidy(() => validConv3d(wholeClip.extend(x, taps - 1), filter, bias, options));
}

/** The same without the copies in front: valid in time. */
export function validConv3d(
  x: tf.Tensor5D,
  filter: tf.Tensor5D,
  bias: tf.Tensor1D,
  options: CausalConvOptions,
): tf.Tensor5D {
  const [top, left] = options.pad;
  return tf.tidy(() => {
    const padded = isPadded(options) ? tf.pad(x, [[0, 0], [0, 0], [...top], [...left], [0, 0]]) : x;
    return tf.add(tf.conv3d(padded, filter, [...options.strides], "valid"), bias);
  });
}

/** A 2D convolution of every frame. `filter`: `[kh, kw, in, out]`. */
export function frameConv(
  x: tf.Tensor5D,
  filter: tf.Tensor4D,
  bias: tf.Tensor1D,
  options: CausalConvOptions,
): tf.Tensor5D {
  const [, down, right] = options.strides;
  const [height, width, inputs, outputs] = filter.shape;
  return tf.tidy(() => {
    if (height * width * down * right === 1 && !isPadded(options)) {
      const pixels = tf.reshape(x, [x.size / inputs, inputs]);
      const product = tf.matMul(pixels, tf.reshape(filter, [inputs, outputs]));
      const [batch, time, rows, columns] = x.shape;
      return tf.reshape(tf.add(product, bias), [batch, time, rows, columns, outputs]);
    }
    const [vertical, horizontal] = options.pad;
    return perFrame(x, (frames) =>
      tf.add(tf.conv2d(frames, filter, [down, right], [[0, 0], [...vertical], [...horizontal], [0, 0]]), bias),
    );
  });
}

function isPadded(options: CausalConvOptions): boolean {
  return options.pad.flat().some((zeros) => zeros > 0);
}

function fused(x: tf.Tensor5D, filter: tf.Tensor5D, bias: tf.Tensor1D, options: CausalConvOptions): tf.Tensor5D {
  const attributes = { strides: options.strides, pad: options.pad };
  return withGradient([x, filter, bias], (input, weights, offset) => ({
    value: runKernel("nn.Conv3DCausal", { x: input, filter: weights, bias: offset }, attributes)[0]!,
    saved: [input, weights],
    gradient: (dy, saved) =>
      runKernel(
        "nn.Conv3DCausalGrad",
        { x: saved[0], filter: saved[1], dy },
        { ...attributes, bias: true, inputGradient: true },
      ),
  })) as tf.Tensor5D;
}

/** A causal 3D convolution with the checkpoint's names: its weights are `conv.weight` and `conv.bias`. */
export class CausalConv3d extends Module {
  readonly conv: ConvolutionWeights;
  readonly #options: CausalConvOptions;

  constructor(options: {
    readonly in: number;
    readonly out: number;
    /** Size in time, height and width. */
    readonly kernel: readonly [time: number, height: number, width: number];
    /** Default 1. */
    readonly strides?: CausalConvOptions["strides"];
    /** Default none. */
    readonly pad?: CausalConvOptions["pad"];
  }) {
    super();
    this.conv = new ConvolutionWeights([...options.kernel, options.in, options.out]);
    this.#options = {
      strides: options.strides ?? [1, 1, 1],
      pad: options.pad ?? [
        [0, 0],
        [0, 0],
      ],
    };
  }

  /** `x`: `[B, T, H, W, in]`; result `[B, T', H', W', out]`. */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    const filter = this.conv.weight.variable as tf.Tensor5D;
    const bias = this.conv.bias.variable as tf.Tensor1D;
    const before = filter.shape[0] - 1;
    if (past === wholeClip || before === 0) return causalConv3d(x, filter, bias, this.#options);
    return tf.tidy(() => validConv3d(past.extend(x, before), filter, bias, this.#options));
  }
}

/** Weights of a convolution of any rank, channels last. */
export class ConvolutionWeights extends Module {
  /** Storage `[...kernel, in, out]`; checkpoint `[out, in, ...kernel]`. */
  readonly weight: Parameter;
  /** `[out]`. */
  readonly bias: Parameter;

  constructor(shape: readonly number[]) {
    super();
    const rank = shape.length;
    const kernelAxes = Array.from({ length: rank - 2 }, (_, axis) => axis);
    this.weight = new Parameter(shape, { axes: [rank - 1, rank - 2, ...kernelAxes] });
    this.bias = new Parameter([shape[rank - 1]!]);
  }

  /** The reference's start: PyTorch's default for the weight, 0 for the bias. */
  override resetParameters(rng: Rng): void {
    drawUniform([this.weight], sizeOf(this.weight.shape.slice(0, -1)), rng);
    fillWith(this.bias, 0);
  }
}
