// LPIPS for video: places where the motion differs weigh more (Danier et al., "FloLPIPS", PCS 2022).
// N frames, H height, W width.
import { Module, ShapeError } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import type { LpipsFeatures } from "./features.js";
import { layerDistances, type LinearLayer, type LpipsOptions, lpipsParts, type ScalingLayer } from "./layers.js";

/**
 * The weighting of LPIPS maps by a difference of optical flows, which the caller brings: no flow network comes with the
 * package. Weights are loaded by `loadStateDict` (`net.slice1.0.weight`, `lins.0.model.1.weight`).
 */
export class FloLpips extends Module {
  readonly scaling_layer: ScalingLayer;
  readonly net: LpipsFeatures;
  readonly lins: readonly [LinearLayer, LinearLayer, LinearLayer, LinearLayer, LinearLayer];

  constructor(options: LpipsOptions) {
    super();
    const parts = lpipsParts(options);
    this.scaling_layer = parts.scaling_layer;
    this.net = parts.net;
    this.lins = parts.linears;
  }

  /**
   * The distance of each pair of frames, `[N]`. Equal flows everywhere have no weights to give: the plain mean is taken
   * (the reference divides 0 by 0).
   *
   * @param reference `[N, H, W, 3]` in [0, 1].
   * @param generated the same shape.
   * @param flowDifference `[N, H, W, 2]`: flow to the next frame of the reference minus that of the generated video.
   */
  forward(reference: tf.Tensor4D, generated: tf.Tensor4D, flowDifference: tf.Tensor4D): tf.Tensor1D {
    const [frames, height, width] = reference.shape;
    if (flowDifference.shape.join() !== [frames, height, width, 2].join()) {
      throw new ShapeError(
        `flowDifference has shape [${flowDifference.shape.join(", ")}] but the frames need [${frames}, ${height}, ${width}, 2]; give one flow for each frame`,
      );
    }
    return tf.tidy(() => {
      const signed = (x: tf.Tensor4D): tf.Tensor4D => tf.sub(tf.mul(x, 2), 1);
      const parts = { scaling_layer: this.scaling_layer, net: this.net, linears: this.lins };
      const weighted = layerDistances(parts, signed(reference), signed(generated)).map((map) => {
        const weights = flowWeights(flowDifference, [map.shape[1], map.shape[2]]);
        return tf.sum<tf.Tensor1D>(tf.mul(map, weights), [1, 2, 3]); // [N]
      });
      return tf.addN(weighted);
    });
  }
}

/** The length of the flow difference after resizing it to a layer, scaled to sum 1 for each frame: `[N, H', W', 1]`. */
export function flowWeights(flowDifference: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  return tf.tidy(() => {
    const resized = tf.image.resizeBilinear(flowDifference, [...size], false, true); // [N, H', W', 2]
    const length = tf.sqrt(tf.sum(tf.square(resized), 3, true)); // [N, H', W', 1]
    const total = tf.sum(length, [1, 2, 3], true); // [N, 1, 1, 1]
    const even = tf.fill(length.shape, 1 / (size[0] * size[1]));
    return tf.where(tf.equal(total, 0), even, tf.divNoNan(length, total)) as tf.Tensor4D;
  });
}
