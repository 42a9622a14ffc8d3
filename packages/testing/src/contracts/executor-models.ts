// The functions that the executor suite runs, made of core's layers.
import { attention, geluTanh, groupNorm, layerNorm, type NamedTensors, silu, upsampleNearest2d } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { pattern } from "./executor-tools.js";

interface Model {
  readonly fn: (inputs: NamedTensors) => Record<string, tf.Tensor>;
  readonly inputs: () => NamedTensors;
}

interface ModelOptions {
  /** Also return the gradients of a weighted sum of the output, by input and variable. */
  readonly gradients: boolean;
}

/** The output of `forward`, and gradients where they are asked for. */
function withGradients(
  forward: (x: tf.Tensor) => tf.Tensor,
  variables: Readonly<Record<string, tf.Variable>>,
  { gradients }: ModelOptions,
): Model["fn"] {
  return ({ x }) => {
    if (!gradients) return { y: forward(x!) };
    const weighted = (input: tf.Tensor): tf.Scalar =>
      tf.tidy(() => {
        const y = forward(input);
        return tf.sum(tf.mul(y, pattern(y.shape, 77)));
      });
    const { grads } = tf.variableGrads(() => weighted(x!), Object.values(variables));
    return {
      x: tf.grad(weighted)(x!),
      ...Object.fromEntries(Object.entries(variables).map(([name, { name: key }]) => [name, grads[key]!])),
    };
  };
}

/** Convolution with 6 channels, group norm, SiLU, upsampling, strided convolution: `[2, 6, 5, 6]` to `[2, 6, 5, 4]`. */
export function convolutionBlock(options: ModelOptions): Model {
  const variables = {
    first: tf.variable(pattern([3, 3, 6, 8], 1)),
    scale: tf.variable(pattern([8], 2)),
    bias: tf.variable(pattern([8], 3)),
    second: tf.variable(pattern([3, 3, 8, 4], 4)),
  };
  const forward = (x: tf.Tensor): tf.Tensor => {
    const h = tf.conv2d(x as tf.Tensor4D, variables.first as tf.Tensor4D, 1, "same");
    const n = silu(groupNorm(h, variables.scale, variables.bias, { groups: 4, epsilon: 1e-5 }));
    return tf.conv2d(upsampleNearest2d(n, 2), variables.second as tf.Tensor4D, 2, "same");
  };
  return { fn: withGradients(forward, variables, options), inputs: () => ({ x: pattern([2, 6, 5, 6], 5) }) };
}

/** Pre-norm self-attention with two heads and a GELU feed-forward, `[2, 5, 8]` to `[2, 5, 8]`. */
export function attentionBlock(options: ModelOptions): Model {
  const matrix = (rows: number, columns: number, seed: number): tf.Variable =>
    tf.variable(tf.tidy(() => tf.mul(pattern([rows, columns], seed), 0.5)));
  const variables = {
    query: matrix(8, 8, 11),
    key: matrix(8, 8, 12),
    value: matrix(8, 8, 13),
    wide: matrix(8, 16, 14),
    narrow: matrix(16, 8, 15),
  };
  const times = (x: tf.Tensor, weight: tf.Variable): tf.Tensor =>
    tf.reshape(tf.matMul(tf.reshape(x, [-1, weight.shape[0]]), weight), [2, 5, -1]);
  const forward = (x: tf.Tensor): tf.Tensor => {
    const n = layerNorm(x, 1e-5);
    const attended = attention(
      times(n, variables.query) as tf.Tensor3D,
      times(n, variables.key) as tf.Tensor3D,
      times(n, variables.value) as tf.Tensor3D,
      { heads: 2 },
    );
    const h = tf.add(x, attended);
    return tf.add(h, times(geluTanh(times(layerNorm(h, 1e-5), variables.wide)), variables.narrow));
  };
  return { fn: withGradients(forward, variables, options), inputs: () => ({ x: pattern([2, 5, 8], 16) }) };
}

/** Two layers, a mean squared error and Adam. */
export function trainedNetwork(): {
  readonly step: (inputs: NamedTensors) => Record<string, tf.Tensor>;
  readonly batch: (index: number) => NamedTensors;
  readonly parameters: Readonly<Record<string, tf.Variable>>;
} {
  const parameters = {
    first: tf.variable(pattern([4, 6], 21)),
    bias: tf.variable(pattern([6], 22)),
    second: tf.variable(pattern([6, 1], 23)),
  };
  const optimizer = tf.train.adam(0.02);
  const step = ({ x, y }: NamedTensors): Record<string, tf.Tensor> => ({
    loss: optimizer.minimize(
      () => {
        const h = tf.tanh(tf.add(tf.matMul(x as tf.Tensor2D, parameters.first as tf.Tensor2D), parameters.bias));
        return tf.mean(tf.squaredDifference(tf.matMul(h as tf.Tensor2D, parameters.second as tf.Tensor2D), y!));
      },
      true,
      Object.values(parameters),
    )!,
  });
  return { step, parameters, batch: (index) => ({ x: pattern([8, 4], 31 + index), y: pattern([8, 1], 41 + index) }) };
}
