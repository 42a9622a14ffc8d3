// Temporal resampling that mixes the fixed weights with a learned convolution.
import { fillWith, Module, Parameter } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { CausalConv3d, type CausalConvOptions, causalConv3d, ConvolutionWeights, validConv3d } from "./conv.js";
import { type Past, wholeClip } from "./past.js";
import { averageOfThree, type TimeUpsampling, TimeUpsample2x, withTwoBefore } from "./resample.js";

const around = [
  [1, 1],
  [1, 1],
] as const;

/** What `sigmoid(mix_factor)` is at first: 0.881. */
const initialMix = 2;

/** Halves the frame rate: `a * mean of three frames + (1 - a) * convolution`, `a = sigmoid(mix_factor)`. */
export class TimeDownsampleRes2x extends Module {
  /** 3x3x3. */
  readonly conv: ConvolutionWeights;
  /** `[1]`. */
  readonly mix_factor: Parameter;

  constructor(channels: number) {
    super();
    this.conv = new ConvolutionWeights([3, 3, 3, channels, channels]);
    this.mix_factor = new Parameter([1], { fill: initialMix });
  }

  /** `x`: `[B, T, H, W, C]`; result `[B, floor((T-1)/2)+1, H, W, C]`. */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() => {
      const filter = this.conv.weight.variable as tf.Tensor5D;
      const bias = this.conv.bias.variable as tf.Tensor1D;
      const options: CausalConvOptions = { strides: [2, 1, 1], pad: around };
      const extended = withTwoBefore(x, past);
      const learned =
        past === wholeClip ? causalConv3d(x, filter, bias, options) : validConv3d(extended, filter, bias, options);
      return mix(this.mix_factor, averageOfThree(extended), learned);
    });
  }

  override resetParameters(): void {
    fillWith(this.mix_factor, initialMix);
  }
}

/** Doubles the frame rate: `a * u + (1 - a) * convolution of u`, where `u` is interpolated. */
export class TimeUpsampleRes2x extends Module {
  /** 3x3x3. */
  readonly conv: CausalConv3d;
  /** `[1]`. */
  readonly mix_factor: Parameter;
  readonly #interpolation: TimeUpsample2x;

  constructor(channels: number, upsampling: TimeUpsampling = "linear") {
    super();
    this.conv = new CausalConv3d({ in: channels, out: channels, kernel: [3, 3, 3], pad: around });
    this.mix_factor = new Parameter([1], { fill: initialMix });
    this.#interpolation = new TimeUpsample2x(upsampling);
  }

  /** `x`: `[B, T, H, W, C]`; result `[B, 2T-1, H, W, C]` (`2T` for a later piece of a clip). */
  forward(x: tf.Tensor5D, past: Past = wholeClip): tf.Tensor5D {
    return tf.tidy(() => {
      const interpolated = this.#interpolation.forward(x, past);
      return mix(this.mix_factor, interpolated, this.conv.forward(interpolated, past));
    });
  }

  override resetParameters(): void {
    fillWith(this.mix_factor, initialMix);
  }
}

function mix(factor: Parameter, fixed: tf.Tensor5D, learned: tf.Tensor5D): tf.Tensor5D {
  const share = tf.sigmoid(factor.variable);
  return tf.add(tf.mul(fixed, share), tf.mul(learned, tf.sub(1, share)));
}
