// Smooth activations.
import * as tf from "@tensorflow/tfjs";
import { hasKernel, runKernel, withGradient } from "./fused.js";

/** `x * sigmoid(x)`, also called swish. Any shape. */
export function silu<T extends tf.Tensor>(x: T): T {
  return hasKernel("nn.Silu") ? fusedUnary("nn.Silu", x) : tf.tidy(() => tf.mul(x, tf.sigmoid(x)) as T);
}

/** GELU in its tanh approximation (Hendrycks and Gimpel, arXiv 1606.08415). Any shape. */
export function geluTanh<T extends tf.Tensor>(x: T): T {
  if (hasKernel("nn.GeluTanh")) return fusedUnary("nn.GeluTanh", x);
  return tf.tidy(() => {
    const cubic = tf.mul(tf.mul(x, x), tf.mul(x, 0.044715));
    const inner = tf.mul(tf.add(x, cubic), Math.sqrt(2 / Math.PI));
    return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1)) as T;
  });
}

function fusedUnary<T extends tf.Tensor>(kernel: string, x: T): T {
  return withGradient([x], (input) => ({
    value: runKernel(kernel, { x: input })[0]!,
    saved: [input],
    gradient: (dy, [savedX]) => runKernel(`${kernel}Grad`, { x: savedX, dy })[0]!,
  })) as T;
}
