// Nearest-neighbour upsampling.
import * as tf from "@tensorflow/tfjs";
import { hasKernel, runKernel, withGradient } from "./fused.js";

/**
 * Repeats every pixel `factor` times in height and width. `x`: `[B, H, W, C]`, result `[B, H*factor, W*factor, C]`.
 * The composition avoids tf.image.resizeNearestNeighbor, whose gradient on the cpu backend is wrong for B > 1.
 */
export function upsampleNearest2d(x: tf.Tensor4D, factor: number): tf.Tensor4D {
  if (hasKernel("nn.UpsampleNearest2D")) {
    return withGradient([x], (input) => ({
      value: runKernel("nn.UpsampleNearest2D", { x: input }, { factor })[0]!,
      saved: [],
      gradient: (dy) => runKernel("nn.UpsampleNearest2DGrad", { dy }, { factor })[0]!,
    })) as tf.Tensor4D;
  }
  return tf.tidy(() => {
    const [batch, height, width, channels] = x.shape;
    const repeat = (y: tf.Tensor) =>
      tf.concat(
        Array.from({ length: factor }, () => y),
        1,
      );
    const wide = repeat(tf.reshape(x, [batch * height * width, 1, channels])); // [B*H*W, factor, C]
    const tall = repeat(tf.reshape(wide, [batch * height, 1, width * factor * channels]));
    return tf.reshape(tall, [batch, height * factor, width * factor, channels]);
  });
}
