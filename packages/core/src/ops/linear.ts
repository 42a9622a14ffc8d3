// The affine map of the last axis.
import * as tf from "@tensorflow/tfjs";
import { sizeOf } from "../shape.js";
import { hasKernel, runKernel, withGradient } from "./fused.js";

/** `x W^T + b` over the last axis. `x`: `[..., in]`, `weight`: `[out, in]`, `bias`: `[out]`; result `[..., out]`. */
export function linear(x: tf.Tensor, weight: tf.Tensor2D, bias?: tf.Tensor1D): tf.Tensor {
  if (hasKernel("nn.Linear")) return fused(x, weight, bias);
  return tf.tidy(() => {
    const product = tf.matMul(rowsOf(x), weight, false, true);
    return tf.reshape(bias === undefined ? product : tf.add(product, bias), [...x.shape.slice(0, -1), weight.shape[0]]);
  });
}

/** All axes but the last in one. */
function rowsOf(x: tf.Tensor): tf.Tensor2D {
  const width = x.shape.at(-1)!;
  return tf.reshape(x, [sizeOf(x.shape) / width, width]);
}

function fused(x: tf.Tensor, weight: tf.Tensor2D, bias: tf.Tensor1D | undefined): tf.Tensor {
  const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
  return withGradient(inputs, (input, matrix, offset) => ({
    value: runKernel("nn.Linear", { x: input, weight: matrix, bias: offset }, { transposed: true })[0]!,
    saved: [input, matrix],
    gradient: (dy, saved) => {
      const dx = runKernel("nn.Linear", { x: dy, weight: saved[1] }, { transposed: false })[0]!;
      const rows = rowsOf(dy);
      const dWeight = tf.matMul(rows, rowsOf(saved[0]!), true);
      return bias === undefined ? [dx, dWeight] : [dx, dWeight, tf.sum(rows, 0)];
    },
  }));
}
