// The nn.* protocol of docs/concepts/fused-kernels.md as a user of it would write it: the fused kernel where the
// backend has it, a composition of plain ops elsewhere.
import * as tf from "@tensorflow/tfjs";

type Attributes = Parameters<ReturnType<typeof tf.engine>["runKernel"]>[2];

function kernel(name: string, inputs: Record<string, tf.Tensor>, attributes: Attributes = {}): tf.Tensor[] {
  const result = tf.engine().runKernel<tf.Tensor | tf.Tensor[]>(name, inputs, attributes);
  return Array.isArray(result) ? result : [result];
}

function isFused(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** Runs `forward` as one op; `backward` gets dy, the inputs, and what the op computed. */
function custom(
  inputs: readonly tf.Tensor[],
  forward: () => tf.Tensor[],
  backward: (dy: tf.Tensor, inputs: tf.Tensor[], outputs: tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  const op = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as (tensors: tf.Tensor[]) => void;
    const outputs = forward();
    save([...inputs, ...outputs]);
    return {
      value: outputs[0]!,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        backward(dy, saved.slice(0, inputs.length), saved.slice(inputs.length)),
    };
  });
  return op(...inputs);
}

function activation(name: string, plain: (x: tf.Tensor) => tf.Tensor): (x: tf.Tensor) => tf.Tensor {
  return (x) => {
    if (!isFused(name)) return plain(x);
    return custom(
      [x],
      () => kernel(name, { x }),
      (dy, [x]) => kernel(`${name}Grad`, { x: x!, dy }),
    );
  };
}

export const silu = activation("nn.Silu", (x) => tf.mul(x, tf.sigmoid(x)));

export const geluTanh = activation("nn.GeluTanh", (x) => {
  const inner = tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
});

function standardise(x: tf.Tensor, axes: number[], epsilon: number): tf.Tensor {
  const { mean, variance } = tf.moments(x, axes, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
}

export function layerNorm(x: tf.Tensor, epsilon = 1e-5): tf.Tensor {
  if (!isFused("nn.LayerNorm")) return standardise(x, [x.rank - 1], epsilon);
  return custom(
    [x],
    () => kernel("nn.LayerNorm", { x }, { epsilon }),
    (dy, [x], [, mean, invStd]) => kernel("nn.LayerNormGrad", { x: x!, mean: mean!, invStd: invStd!, dy }),
  );
}

/** x W^T + b over the last axis; weight [out, in]. */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const rows = (y: tf.Tensor): tf.Tensor2D => tf.reshape(y, [-1, y.shape.at(-1)!]);
  if (!isFused("nn.Linear")) {
    const product = tf.matMul(rows(x), weight, false, true);
    const y = bias === undefined ? product : tf.add(product, bias);
    return tf.reshape(y, [...x.shape.slice(0, -1), weight.shape[0]]);
  }
  const inputs: Record<string, tf.Tensor> = bias === undefined ? { x, weight } : { x, weight, bias };
  return custom(
    Object.values(inputs),
    () => kernel("nn.Linear", inputs, { transposed: true }),
    (dy, [x, weight]) => {
      const dx = kernel("nn.Linear", { x: dy, weight: weight! }, { transposed: false })[0]!;
      const gradients = [dx, tf.matMul(rows(dy), rows(x!), true)];
      return bias === undefined ? gradients : [...gradients, tf.sum(rows(dy), 0)];
    },
  );
}

/** x, but computed after `other`: plain tfjs has no such order. */
export function after(x: tf.Tensor, other: tf.Tensor): tf.Tensor {
  return isFused("nn.After") ? kernel("nn.After", { x, other })[0]! : x;
}

export function groupNorm(x: tf.Tensor, scale: tf.Tensor, bias: tf.Tensor, groups: number, epsilon = 1e-5): tf.Tensor {
  if (!isFused("nn.GroupNorm")) {
    const channels = x.shape.at(-1)!;
    const split = tf.reshape(x, [x.shape[0], -1, groups, channels / groups]);
    const normalised = tf.reshape(standardise(split, [1, 3], epsilon), x.shape);
    return tf.add(tf.mul(normalised, scale), bias);
  }
  return custom(
    [x, scale, bias],
    () => kernel("nn.GroupNorm", { x, scale, bias }, { groups, epsilon }),
    (dy, [x, scale], [, mean, invStd]) =>
      kernel("nn.GroupNormGrad", { x: x!, scale: scale!, mean: mean!, invStd: invStd!, dy }, { groups }),
  );
}

export function attention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, heads: number, bias?: tf.Tensor): tf.Tensor {
  const [batch, queries, width] = q.shape as [number, number, number];
  const scale = 1 / Math.sqrt(width / heads);
  if (!isFused("nn.Attention")) {
    const split = (x: tf.Tensor): tf.Tensor =>
      tf.transpose(tf.reshape(x, [batch, -1, heads, width / heads]), [0, 2, 1, 3]);
    let scores = tf.mul(tf.matMul(split(q), split(k), false, true), scale);
    if (bias !== undefined) scores = tf.add(scores, tf.reshape(bias, [batch, 1, 1, -1]));
    const y = tf.matMul(tf.softmax(scores), split(v));
    return tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [batch, queries, width]);
  }
  const shared: Record<string, tf.Tensor> = bias === undefined ? { q, k, v } : { q, k, v, bias };
  return custom(
    [q, k, v],
    () => kernel("nn.Attention", shared, { heads, scale }),
    (dy, [q, k, v]) => kernel("nn.AttentionGrad", { ...shared, q: q!, k: k!, v: v!, dy }, { heads, scale }),
  );
}

export interface CausalOptions {
  readonly strides?: readonly [number, number, number];
  readonly pad?: readonly [readonly [number, number], readonly [number, number]];
  readonly bias?: tf.Tensor;
  readonly inputGradient?: boolean;
}

export function conv3dCausal(x: tf.Tensor, filter: tf.Tensor, options: CausalOptions = {}): tf.Tensor {
  const strides = options.strides ?? [1, 1, 1];
  const pad = options.pad ?? [
    [1, 1],
    [1, 1],
  ];
  const { bias, inputGradient = true } = options;
  const taps = filter.shape[0];
  if (!isFused("nn.Conv3DCausal")) {
    const first = tf.slice(x, [0, 0, 0, 0, 0], [-1, 1, -1, -1, -1]);
    const padded = tf.pad(tf.concat([...Array.from({ length: taps - 1 }, () => first), x], 1), [
      [0, 0],
      [0, 0],
      [...pad[0]],
      [...pad[1]],
      [0, 0],
    ]);
    const y = tf.conv3d(padded as tf.Tensor5D, filter as tf.Tensor5D, [...strides], "valid");
    return bias === undefined ? y : tf.add(y, bias);
  }
  const attributes = { strides: [...strides], pad: pad.map((side) => [...side]) };
  const inputs: Record<string, tf.Tensor> = bias === undefined ? { x, filter } : { x, filter, bias };
  return custom(
    bias === undefined ? [x, filter] : [x, filter, bias],
    () => kernel("nn.Conv3DCausal", inputs, attributes),
    (dy, [x, filter]) => {
      const [dx, ...rest] = kernel(
        "nn.Conv3DCausalGrad",
        { x: x!, filter: filter!, dy },
        { ...attributes, bias: bias !== undefined, inputGradient },
      );
      return [inputGradient ? dx! : tf.zerosLike(x!), ...rest];
    },
  );
}

export function upsample(x: tf.Tensor, factor = 2): tf.Tensor {
  if (!isFused("nn.UpsampleNearest2D")) {
    const [batch, height, width, channels] = x.shape as [number, number, number, number];
    const rows = tf.tile(tf.reshape(x, [batch * height, 1, width * channels]), [1, factor, 1]);
    const columns = tf.tile(tf.reshape(rows, [batch * height * factor * width, 1, channels]), [1, factor, 1]);
    return tf.reshape(columns, [batch, height * factor, width * factor, channels]);
  }
  return custom(
    [x],
    () => kernel("nn.UpsampleNearest2D", { x }, { factor }),
    (dy) => kernel("nn.UpsampleNearest2DGrad", { dy }, { factor }),
  );
}
