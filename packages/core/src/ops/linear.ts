// The affine map of the last axis.
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../shape.js";

/** `x W^T + b` over the last axis. `x`: `[..., in]`, `weight`: `[out, in]`, `bias`: `[out]`; result `[..., out]`. */
export function linear(x: tf.Tensor, weight: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor {
  return tf.tidy(() => {
    const width = weight.shape[1];
    const rows = tf.reshape(x, [sizeOf(x.shape) / width, width]) as tf.Tensor2D;
    const product = tf.matMul(rows, weight, false, true);
    return tf.reshape(bias === undefined ? product : tf.add(product, bias), [...x.shape.slice(0, -1), weight.shape[0]]);
  });
}
