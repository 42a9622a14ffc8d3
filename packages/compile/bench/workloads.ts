// Two training steps of the kind this package is for: a causal video autoencoder and a diffusion transformer.
import * as tf from "@tensorflow/tfjs";
import type { TensorFunction } from "../src/index.js";
import { sample } from "../test/conformance.js";
import { attention, conv3dCausal, geluTanh, groupNorm, layerNorm, silu } from "../test/fused.js";

export interface Workload {
  readonly name: string;
  readonly step: TensorFunction;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly parameters: number;
}

let created = 0;

function parameter(shape: number[], scale: number): tf.Variable {
  created++;
  return tf.variable(tf.mul(sample(shape, created), scale), true, `bench/${created}`);
}

/** AdamW with clipping by global norm, as a function of variables it assigns. */
function adamW(parameters: readonly tf.Variable[]): (gradients: readonly tf.Tensor[]) => tf.Scalar {
  const state = parameters.map((variable) => ({
    variable,
    m: tf.variable(tf.zerosLike(variable), false),
    v: tf.variable(tf.zerosLike(variable), false),
  }));
  const count = tf.variable(tf.scalar(0), false);
  const [rate, beta1, beta2, decay] = [1e-4, 0.9, 0.999, 0.01] as const;
  return (gradients) => {
    const norm = tf.sqrt(tf.addN(gradients.map((gradient) => tf.sum(tf.square(gradient))))) as tf.Scalar;
    const factor = tf.minimum(1, tf.div(1, tf.add(norm, 1e-6)));
    count.assign(tf.add(count, 1));
    const correct1 = tf.sub(1, tf.pow(beta1, count));
    const correct2 = tf.sub(1, tf.pow(beta2, count));
    for (const [index, { variable, m, v }] of state.entries()) {
      const gradient = tf.mul(gradients[index]!, factor);
      m.assign(tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1)));
      v.assign(tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2)));
      const update = tf.div(tf.div(m, correct1), tf.add(tf.sqrt(tf.div(v, correct2)), 1e-8));
      variable.assign(tf.sub(tf.mul(variable, 1 - rate * decay), tf.mul(update, rate)));
    }
    return norm;
  };
}

function training(
  name: string,
  parameters: readonly tf.Variable[],
  loss: (inputs: Readonly<Record<string, tf.Tensor>>) => tf.Scalar,
  inputs: Readonly<Record<string, tf.Tensor>>,
): Workload {
  const update = adamW(parameters);
  return {
    name,
    inputs,
    parameters: parameters.reduce((total, variable) => total + variable.size, 0),
    step: (given) => {
      const { value, grads } = tf.variableGrads(() => loss(given), [...parameters]);
      const norm = update(parameters.map((variable) => grads[variable.name]!));
      return { loss: value, norm };
    },
  };
}

/** A causal video autoencoder's blocks at full size: [1, 5, 64, 64, 32]. */
export function videoAutoencoderStep(blocks = 2, channels = 32, size = 64): Workload {
  const first = parameter([3, 3, 3, 3, channels], 0.1);
  const last = parameter([3, 3, 3, channels, 3], 0.05);
  const parameters = [first, last];
  const scale = 1 / Math.sqrt(27 * channels);
  const layers = Array.from({ length: 2 * blocks }, () => {
    const layer = {
      scale: tf.variable(tf.ones([channels])),
      shift: tf.variable(tf.zeros([channels])),
      filter: parameter([3, 3, 3, channels, channels], scale),
      bias: tf.variable(tf.zeros([channels])),
    };
    parameters.push(layer.scale, layer.shift, layer.filter, layer.bias);
    return layer;
  });
  const apply = (x: tf.Tensor, index: number): tf.Tensor => {
    const { scale: gain, shift, filter, bias } = layers[index]!;
    return conv3dCausal(silu(groupNorm(x, gain, shift, 8, 1e-6)), filter, { bias });
  };
  const loss = ({ clip }: Readonly<Record<string, tf.Tensor>>): tf.Scalar =>
    tf.tidy(() => {
      let h = conv3dCausal(clip!, first, { inputGradient: false });
      for (let block = 0; block < blocks; block++) h = tf.add(h, apply(apply(h, 2 * block), 2 * block + 1));
      return tf.mean(tf.squaredDifference(conv3dCausal(h, last), clip!)).asScalar();
    });
  const clip = sample([1, 5, size, size, 3]);
  return training(`causal video autoencoder, ${channels} channels, 5 x ${size} x ${size}`, parameters, loss, { clip });
}

/** A diffusion transformer: [2, tokens, width]. */
export function transformerStep(layers = 4, width = 256, tokens = 256, heads = 4): Workload {
  const parameters: tf.Variable[] = [];
  const weight = (rows: number, columns: number): tf.Variable => {
    const variable = parameter([columns, rows], 1 / Math.sqrt(rows));
    parameters.push(variable);
    return variable;
  };
  const bias = (length: number): tf.Variable => {
    const variable = tf.variable(tf.zeros([length]));
    parameters.push(variable);
    return variable;
  };
  const blocks = Array.from({ length: layers }, () => ({
    query: [weight(width, width), bias(width)] as const,
    key: [weight(width, width), bias(width)] as const,
    value: [weight(width, width), bias(width)] as const,
    out: [weight(width, width), bias(width)] as const,
    up: [weight(width, 4 * width), bias(4 * width)] as const,
    down: [weight(4 * width, width), bias(width)] as const,
    table: parameter([6, width], 0.02),
  }));
  parameters.push(...blocks.map(({ table }) => table));
  const modulation = [weight(width, 6 * width), bias(6 * width)] as const;
  const linear = (x: tf.Tensor, [w, b]: readonly [tf.Variable, tf.Variable]): tf.Tensor => {
    const rows = tf.reshape(x, [-1, w.shape[1]!]) as tf.Tensor2D;
    const y = tf.add(tf.matMul(rows, w as tf.Tensor2D, false, true), b);
    return tf.reshape(y, [...x.shape.slice(0, -1), w.shape[0]]);
  };
  const loss = ({ x, time, target }: Readonly<Record<string, tf.Tensor>>): tf.Scalar =>
    tf.tidy(() => {
      const batch = x!.shape[0];
      const shared = tf.reshape(linear(silu(time!), modulation), [batch, 6, width]);
      let h = x!;
      for (const { query, key, value, out, up, down, table } of blocks) {
        const parts = tf.split(tf.add(table, shared), 6, 1); // [B, 1, width] each
        const [shift1, scale1, gate1, shift2, scale2, gate2] = parts as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ];
        const a = tf.add(tf.mul(layerNorm(h, 1e-6), tf.add(scale1, 1)), shift1);
        const mixed = attention(linear(a, query), linear(a, key), linear(a, value), heads);
        h = tf.add(h, tf.mul(gate1, linear(mixed, out)));
        const b = tf.add(tf.mul(layerNorm(h, 1e-6), tf.add(scale2, 1)), shift2);
        h = tf.add(h, tf.mul(gate2, linear(geluTanh(linear(b, up)), down)));
      }
      return tf.mean(tf.squaredDifference(h, target!)).asScalar();
    });
  return training(`transformer, ${layers} layers of ${width}, 2 x ${tokens} tokens`, parameters, loss, {
    x: sample([2, tokens, width]),
    time: sample([2, width], 2),
    target: sample([2, tokens, width], 3),
  });
}
