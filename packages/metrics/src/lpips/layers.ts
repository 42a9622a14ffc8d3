// What LPIPS puts around its image network. N frames, H height, W width, C channels.
import { Conv2d, Module, Parameter, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { fullChannels, type FeatureNetwork, type LayerChannels, LpipsFeatures } from "./features.js";

export interface LpipsOptions {
  readonly network: FeatureNetwork;
  /** Default: the published widths. */
  readonly channels?: LayerChannels;
}

/** Brings pixels in [-1, 1] to the mean and spread that the image networks were trained with. */
export class ScalingLayer extends Module {
  /** `[1, 1, 1, 3]`; checkpoint `[1, 3, 1, 1]`. */
  readonly shift: Parameter;
  readonly scale: Parameter;

  constructor() {
    super();
    const options = { axes: [0, 3, 1, 2], trainable: false };
    this.shift = new Parameter([1, 1, 1, 3], options);
    this.scale = new Parameter([1, 1, 1, 3], options);
    this.shift.assign(Float32Array.of(-0.03, -0.088, -0.188));
    this.scale.assign(Float32Array.of(0.458, 0.448, 0.45));
  }

  /** `x`: `[N, H, W, 3]` in [-1, 1]; same shape. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => tf.div(tf.sub(x, this.shift.variable), this.scale.variable));
  }
}

/** Weighs the channels of one layer. `model.0` is a dropout, which has no weights and is never applied. */
export class LinearLayer extends Module {
  readonly model: readonly [null, Conv2d];

  constructor(channels: number) {
    super();
    this.model = [null, new Conv2d({ in: channels, out: 1, kernel: [1, 1], bias: false })];
  }

  /** `x`: `[N, H, W, C]`; result `[N, H, W, 1]`. */
  forward(x: tf.Tensor4D): tf.Tensor4D {
    return this.model[1].forward(x);
  }
}

export interface LpipsParts {
  readonly scaling_layer: ScalingLayer;
  readonly net: LpipsFeatures;
  readonly linears: readonly [LinearLayer, LinearLayer, LinearLayer, LinearLayer, LinearLayer];
}

export function lpipsParts(options: LpipsOptions): LpipsParts {
  const [a, b, c, d, e] = options.channels ?? fullChannels[options.network];
  return {
    scaling_layer: new ScalingLayer(),
    net: new LpipsFeatures(options),
    linears: [new LinearLayer(a), new LinearLayer(b), new LinearLayer(c), new LinearLayer(d), new LinearLayer(e)],
  };
}

/**
 * How far two sets of frames are apart at each place of each layer: five maps `[N, H', W', 1]`.
 *
 * @param x `[N, H, W, 3]` in [-1, 1].
 * @param y the same shape.
 */
export function layerDistances(parts: LpipsParts, x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor4D[] {
  if (x.rank !== 4 || x.shape[3] !== 3 || x.shape.join() !== y.shape.join()) {
    throw new ShapeError(
      `x has shape [${x.shape.join(", ")}] and y [${y.shape.join(", ")}]; both are [frames, height, width, 3]`,
    );
  }
  return tf.tidy(() => {
    const featuresOfX = parts.net.forward(parts.scaling_layer.forward(x));
    const featuresOfY = parts.net.forward(parts.scaling_layer.forward(y));
    return featuresOfX.map((feature, i) => {
      const difference = tf.squaredDifference(unitChannels(feature), unitChannels(featuresOfY[i]!));
      return parts.linears[i]!.forward(difference as tf.Tensor4D); // [N, H', W', 1]
    });
  });
}

/** Scales the channels of each place to length 1. */
function unitChannels(x: tf.Tensor4D): tf.Tensor4D {
  // Where a ReLU left nothing the root has no slope: the added number keeps its gradient finite and alters no other value.
  const length = tf.sqrt(tf.add(tf.sum(tf.square(x), 3, true), 1e-20));
  return tf.div(x, tf.add(length, 1e-10));
}
