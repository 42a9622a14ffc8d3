// Learned perceptual distance of images (Zhang et al., "The unreasonable effectiveness of deep features", 2018).
// N frames, H height, W width.
import { Module } from "@noisereel/core";
import type { Metric } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { frameMeanMetric } from "../frame-mean-metric.js";
import { assertSameVideoShape } from "../frames.js";
import type { LpipsFeatures } from "./features.js";
import {
  layerDistances,
  type LinearLayer,
  type LpipsOptions,
  type LpipsParts,
  lpipsParts,
  type ScalingLayer,
} from "./layers.js";

/**
 * Means little without trained weights, which do not come with the package: load them by `loadStateDict`. Its names are
 * those of the published files (`net.slice1.0.weight`, `lin0.model.1.weight`).
 */
export class Lpips extends Module {
  readonly scaling_layer: ScalingLayer;
  readonly net: LpipsFeatures;
  readonly lin0: LinearLayer;
  readonly lin1: LinearLayer;
  readonly lin2: LinearLayer;
  readonly lin3: LinearLayer;
  readonly lin4: LinearLayer;

  constructor(options: LpipsOptions) {
    super();
    const parts = lpipsParts(options);
    this.scaling_layer = parts.scaling_layer;
    this.net = parts.net;
    [this.lin0, this.lin1, this.lin2, this.lin3, this.lin4] = parts.linears;
  }

  /**
   * The distance of each pair of frames, `[N]`: the mean of each layer's map, summed over the layers. Synchronous and
   * differentiable, so it is also a training loss.
   *
   * @param x `[N, H, W, 3]` in [-1, 1].
   * @param y the same shape.
   */
  forward(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor1D {
    return tf.tidy(() => tf.sum(this.layers(x, y), 1));
  }

  /** What each layer adds to `forward`, `[N, 5]`. */
  layers(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor2D {
    return tf.tidy(() => {
      const means = layerDistances(this.#parts, x, y).map((map) => tf.mean<tf.Tensor1D>(map, [1, 2, 3])); // [N]
      return tf.stack(means, 1) as tf.Tensor2D;
    });
  }

  /** The distance at each pixel, `[N, H, W]`: every layer's map enlarged to the frame, summed. */
  map(x: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor3D {
    return tf.tidy(() => {
      const [frames, height, width] = x.shape;
      const enlarged = layerDistances(this.#parts, x, y).map((map) =>
        tf.image.resizeBilinear(map, [height, width], false, true),
      );
      return tf.reshape(tf.addN(enlarged), [frames, height, width]);
    });
  }

  get #parts(): LpipsParts {
    return {
      scaling_layer: this.scaling_layer,
      net: this.net,
      linears: [this.lin0, this.lin1, this.lin2, this.lin3, this.lin4],
    };
  }
}

/** Mean LPIPS map over all frames, as the reference evaluates it (with AlexNet). `model` stays the caller's. */
export function lpipsMetric(model: Lpips): Metric {
  return frameMeanMetric({
    name: "lpips",
    better: "lower",
    async score(generated, reference) {
      assertSameVideoShape(generated, reference);
      const [batch, time, height, width] = generated.shape;
      const scores = tf.tidy(() => {
        const frames = (video: tf.Tensor5D): tf.Tensor4D => tf.reshape(video, [batch * time, height, width, 3]);
        return tf.mean(model.map(frames(generated), frames(reference)), [1, 2]); // [B*T]
      });
      try {
        const values = await scores.data();
        return Array.from({ length: batch }, (_, video) => Array.from(values.slice(video * time, (video + 1) * time)));
      } finally {
        scores.dispose();
      }
    },
  });
}
