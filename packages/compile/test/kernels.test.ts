// Every tfjs kernel that has a lowering, against tfjs's cpu backend: values and gradients.
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { conforms, sample } from "./conformance.js";
import type { Check, Op } from "./conformance.js";
import { lowerings } from "../src/trace/kernels/index.js";
import type { Lowering } from "../src/trace/kernels/kernel.js";

const used = new Set<string>();

beforeAll(async () => {
  await tf.setBackend("cpu");
  // The backend picks its lowerings up when it is first used.
  const table = lowerings as Record<string, Lowering>;
  for (const [name, lowering] of Object.entries(lowerings)) {
    table[name] = (...args) => {
      used.add(name);
      return lowering(...args);
    };
  }
});

type Case = [name: string, op: Op, inputs: () => tf.Tensor[], check?: Check];

function cases(title: string, list: Case[]): void {
  describe(title, () => {
    it.each(list.map(([name, op, inputs, check]) => ({ name, op, inputs, check })))("$name", ({ op, inputs, check }) =>
      conforms(op, inputs(), check),
    );
  });
}

const x234 = (): tf.Tensor[] => [sample([2, 3, 4])];
const positive = (): tf.Tensor[] => [tf.abs(sample([2, 3, 4]))];
const unit = (): tf.Tensor[] => [tf.mul(sample([2, 3]), 0.45)];
const special = (): tf.Tensor[] => [tf.tensor1d([0, -0, 1, -1, 2.5, -2.5, 3.5, NaN, Infinity, -Infinity])];
const pair = (): tf.Tensor[] => [sample([2, 3, 4]), sample([2, 3, 4], 2)];
const spread = (): tf.Tensor[] => [sample([2, 3, 4]), sample([3, 1], 2)];
const positivePair = (): tf.Tensor[] => [tf.abs(sample([2, 3])), sample([2, 3], 2)];
const ints = (...values: number[]): tf.Tensor => tf.tensor1d(values, "int32");
const bools = (...values: number[]): tf.Tensor => tf.tensor1d(values, "bool");
const noGradients: Check = { gradients: false };

cases("unary", [
  ["abs", tf.abs, x234],
  ["abs of special values", tf.abs, special, noGradients],
  ["abs of integers", tf.abs, () => [ints(-3, 0, 4)]],
  ["acos", tf.acos, unit],
  ["acosh", (x) => tf.acosh(tf.add(tf.abs(x), 1.5)), x234],
  ["asin", tf.asin, unit],
  ["asinh", tf.asinh, x234],
  ["atan", tf.atan, x234],
  ["atanh", tf.atanh, unit],
  ["ceil", tf.ceil, x234],
  ["clip", (x) => tf.clipByValue(x, -0.7, 1.1), x234],
  ["clip integers", (x) => tf.clipByValue(x, -2, 3), () => [ints(-3, 0, 4)]],
  ["cos", tf.cos, x234],
  ["cosh", tf.cosh, x234],
  ["elu", tf.elu, x234],
  ["erf", tf.erf, x234],
  ["exp", tf.exp, x234],
  ["expm1", tf.expm1, x234],
  ["expm1 near 0", tf.expm1, () => [tf.tensor1d([1e-7, -1e-7, 1e-3, 0])], { tolerance: 1e-6 }],
  ["floor", tf.floor, x234],
  ["isFinite", tf.isFinite, special, noGradients],
  ["isInf", tf.isInf, special, noGradients],
  ["isNaN", tf.isNaN, special, noGradients],
  ["leakyRelu", (x) => tf.leakyRelu(x, 0.3), x234],
  ["log", tf.log, positive],
  ["log1p", tf.log1p, positive],
  ["log1p near 0", tf.log1p, () => [tf.tensor1d([1e-7, -1e-7, 1e-3, 0])], { tolerance: 1e-6 }],
  ["log1p far away", tf.log1p, () => [tf.tensor1d([1e7, 1e20, 3e38])], { tolerance: 1e-6 }],
  ["logicalNot", (x) => tf.logicalNot(x), () => [bools(1, 0, 1)]],
  ["logSigmoid", tf.logSigmoid, x234],
  ["neg", tf.neg, x234],
  ["neg of integers", tf.neg, () => [ints(-3, 0, 4)]],
  ["prelu", (x, a) => tf.prelu(x, a), () => [sample([2, 3, 4]), sample([4], 2)]],
  ["reciprocal", tf.reciprocal, x234],
  ["relu", tf.relu, x234],
  ["relu6", (x) => tf.relu6(tf.mul(x, 5)), x234],
  ["round", tf.round, special, noGradients],
  ["rsqrt", tf.rsqrt, positive],
  ["selu", tf.selu, x234],
  ["sigmoid", tf.sigmoid, x234],
  ["sign", tf.sign, () => [tf.tensor1d([0, 2, -3, Infinity])], noGradients],
  ["sin", tf.sin, x234],
  ["sinh", tf.sinh, x234],
  ["softplus", tf.softplus, x234],
  ["sqrt", tf.sqrt, positive],
  ["square", tf.square, x234],
  ["step", (x) => tf.step(x), x234],
  ["step with alpha", (x) => tf.step(x, -0.4), x234],
  ["step of zero", (x) => tf.step(x, -1), () => [tf.tensor1d([0, 1, -1])], noGradients],
  ["tan", tf.tan, x234],
  ["tanh", tf.tanh, x234],
  ["cast to int", (x) => tf.cast(x, "int32"), x234, noGradients],
  ["cast to bool", (x) => tf.cast(x, "bool"), () => [tf.tensor1d([0, 0.5, -2])], noGradients],
  ["cast bool to float", (x) => tf.cast(x, "float32"), () => [bools(1, 0, 1)]],
  ["zerosLike", tf.zerosLike, x234],
  ["onesLike", tf.onesLike, x234],
]);

cases("binary", [
  ["add", (a, b) => tf.add(a, b), pair],
  ["add, broadcast", (a, b) => tf.add(a, b), spread],
  ["add, broadcast both ways", (a, b) => tf.add(a, b), () => [sample([2, 1, 4]), sample([3, 1], 2)]],
  ["add of integer and float", (a, b) => tf.add(a, b), () => [ints(1, 2), sample([2])], noGradients],
  ["addN", (a, b) => tf.addN([a, b, a]), pair, noGradients],
  ["sub", (a, b) => tf.sub(a, b), spread],
  ["mul", (a, b) => tf.mul(a, b), spread],
  ["div", (a, b) => tf.div(a, b), spread],
  ["div of integers", (a, b) => tf.div(a, b), () => [ints(7, -7, 8), ints(2, 2, 3)]],
  ["floorDiv", (a, b) => tf.floorDiv(a, b), () => [ints(7, -7, 2147483647), ints(2, 2, 3)]],
  ["divNoNan", (a, b) => tf.divNoNan(a, b), () => [tf.tensor1d([1, 2]), tf.tensor1d([0, 4])], noGradients],
  [
    "mod",
    (a, b) => tf.mod(a, b),
    () => [tf.tensor1d([5.5, -5.5, 5.5, -5.5]), tf.tensor1d([2, 2, -2, -2])],
    noGradients,
  ],
  ["mod of integers", (a, b) => tf.mod(a, b), () => [ints(7, -7, 7, -7), ints(3, 3, -3, -3)]],
  ["pow", (a, b) => tf.pow(a, b), positivePair],
  ["pow by constants", (a) => [2, 3, 0.5, -1, 1, 1.7].map((e) => tf.pow(a, e)), positive],
  ["maximum", (a, b) => tf.maximum(a, b), pair],
  ["minimum, broadcast", (a, b) => tf.minimum(a, b), () => [sample([2, 3, 4]), sample([3, 1], 2)], noGradients],
  ["squaredDifference", (a, b) => tf.squaredDifference(a, b), pair],
  ["atan2", (a, b) => tf.atan2(a, b), pair],
  [
    "comparisons",
    (a, b) => [tf.greater, tf.greaterEqual, tf.less, tf.lessEqual, tf.equal, tf.notEqual].map((f) => f(a, b)),
    () => [tf.tensor1d([1, 2, 3]), tf.tensor1d([3, 2, 1])],
    noGradients,
  ],
  ["comparisons of booleans", (a, b) => [tf.greater(a, b), tf.equal(a, b)], () => [bools(1, 0, 1), bools(0, 0, 1)]],
  [
    "logic",
    (a, b) => [tf.logicalAnd(a, b), tf.logicalOr(a, b), tf.logicalXor(a, b)],
    () => [bools(1, 0, 1, 0), bools(0, 0, 1, 1)],
  ],
  ["bitwiseAnd", (a, b) => tf.bitwiseAnd(a, b), () => [ints(6, 12), ints(3, 10)]],
  ["where", (a, b) => tf.where(tf.greater(sample([2, 3, 4], 3), 0), a, b), pair],
  [
    "where by rows",
    (c, a, b) => tf.where(tf.reshape(c, [2, 1]), a, b),
    () => [bools(1, 0), sample([2, 3]), sample([2, 3], 2)],
  ],
]);

cases("reductions", [
  ["sum", (x) => tf.sum(x), x234],
  ["sum of an axis", (x) => tf.sum(x, 1), x234],
  ["sum, keepDims, negative axis", (x) => tf.sum(x, [-1, 0], true), x234],
  ["sum of booleans", (x) => tf.sum(x), () => [bools(1, 0, 1)]],
  ["sum of a repeated axis", (x) => tf.sum(tf.tile(tf.reshape(x, [2, 3, 1, 4]), [1, 1, 5, 1]), [1, 2]), x234],
  ["mean", (x) => tf.mean(x, [0, 2]), x234],
  ["mean of integers", (x) => tf.mean(x), () => [ints(1, 2)]],
  ["max", (x) => tf.max(x, -1), x234],
  ["min", (x) => tf.min(x, 0, true), x234],
  ["prod", (x) => tf.prod(x, 1), x234, noGradients],
  ["prod of a repeated axis", (x) => tf.prod(tf.tile(x, [1, 2]), 1), () => [sample([2, 1])], noGradients],
  [
    "all and any",
    (x) => [tf.all(x, 0), tf.any(x, 1)],
    () => [
      tf.tensor2d(
        [
          [1, 0],
          [1, 1],
        ],
        [2, 2],
        "bool",
      ),
    ],
  ],
  ["argMax and argMin", (x) => [tf.argMax(x, -1), tf.argMin(x, 0)], x234, noGradients],
  ["cumsum", (x) => tf.cumsum(x, 1), () => [sample([2, 5])]],
  ["cumsum, exclusive and reverse", (x) => tf.cumsum(x, 0, true, true), () => [sample([4, 3])], noGradients],
  ["softmax", (x) => tf.softmax(x), x234],
  ["logSoftmax", (x) => tf.logSoftmax(x), x234],
  ["logSumExp", (x) => tf.logSumExp(x, 1), x234],
  ["norm", (x) => tf.norm(x), x234],
  [
    "moments",
    (x) => {
      const { mean, variance } = tf.moments(x, [1]);
      return [mean, variance];
    },
    x234,
  ],
  [
    "topk",
    (x) => {
      const { values, indices } = tf.topk(x, 2);
      return [values, indices];
    },
    () => [sample([3, 5])],
    noGradients,
  ],
]);

cases("shapes", [
  ["reshape", (x) => tf.reshape(x, [4, -1]), x234],
  ["reshape of a transpose", (x) => tf.reshape(tf.transpose(x, [0, 2, 1]), [2, 2, 6]), x234],
  ["reshape that keeps a layout", (x) => tf.add(tf.reshape(tf.transpose(x, [2, 0, 1]), [4, 6]), 1), x234],
  [
    "reshape of a repeated value",
    (x) => tf.mul(tf.reshape(tf.tile(x, [1, 4]), [2, 2, 6]), sample([2, 2, 6], 3)),
    () => [sample([2, 3])],
  ],
  ["expandDims and squeeze", (x) => tf.squeeze(tf.expandDims(tf.expandDims(x, 1), -1)), x234],
  ["transpose", (x) => tf.transpose(x, [2, 0, 1]), x234],
  ["operands in different layouts", (x, y) => tf.mul(tf.transpose(x, [0, 2, 1]), tf.reshape(y, [2, 4, 3])), pair],
  ["concat", (a, b) => tf.concat([a, b, a], 1), () => [sample([2, 3]), sample([2, 1], 2)]],
  [
    "concat in different layouts",
    (a, b) => tf.concat([tf.transpose(a), b], 0),
    () => [sample([3, 2]), sample([4, 3], 2)],
  ],
  ["slice", (x) => tf.slice(x, [0, 1, 2], [-1, 2, 1]), x234],
  ["slice of a repeated value", (x) => tf.slice(tf.tile(x, [1, 4]), [1, 2], [1, 2]), () => [sample([2, 1])]],
  ["stridedSlice", (x) => tf.stridedSlice(x, [0, 2, 0], [2, 0, 4], [1, -1, 2]), x234, noGradients],
  [
    "stridedSlice with masks",
    (x) => tf.stridedSlice(x, [0, 1, 1], [2, 3, 3], [1, 1, 1], 1, 1, 0, 0, 4),
    x234,
    noGradients,
  ],
  [
    "pad",
    (x) =>
      tf.pad(
        x,
        [
          [0, 0],
          [1, 2],
          [0, 1],
        ],
        0.5,
      ),
    x234,
  ],
  [
    "pad of a transpose",
    (x) =>
      tf.pad(tf.transpose(x, [2, 1, 0]), [
        [1, 0],
        [0, 0],
        [0, 2],
      ]),
    x234,
  ],
  ["pad of booleans", (x) => tf.pad(x, [[1, 1]]), () => [bools(1, 1)]],
  [
    "mirrorPad, reflect",
    (x) =>
      tf.mirrorPad(
        x,
        [
          [1, 2],
          [2, 1],
        ],
        "reflect",
      ),
    () => [sample([4, 5])],
    noGradients,
  ],
  [
    "mirrorPad, symmetric",
    (x) =>
      tf.mirrorPad(
        x,
        [
          [1, 2],
          [2, 1],
        ],
        "symmetric",
      ),
    () => [sample([4, 5])],
    noGradients,
  ],
  ["tile", (x) => tf.tile(x, [2, 1, 3]), x234],
  ["broadcastTo", (x) => tf.broadcastTo(x, [2, 3, 4]), () => [sample([3, 1])]],
  ["stack", (a, b) => tf.stack([a, b], 1), () => [sample([2, 3]), sample([2, 3], 2)]],
  ["unstack", (x) => tf.unstack(x, 1), x234],
  ["split", (x) => tf.split(x, [1, 3], 2), x234],
  ["split in halves", (x) => tf.split(x, 2, -1), x234],
  ["reverse", (x) => tf.reverse(x, [0, 2]), x234],
  ["depthToSpace", (x) => tf.depthToSpace(x as tf.Tensor4D, 2), () => [sample([1, 2, 3, 8])], noGradients],
  [
    "spaceToBatchND",
    (x) =>
      tf.spaceToBatchND(
        x,
        [2, 2],
        [
          [0, 1],
          [1, 0],
        ],
      ),
    () => [sample([1, 3, 3, 2])],
  ],
  [
    "batchToSpaceND",
    (x) =>
      tf.batchToSpaceND(
        x,
        [2, 2],
        [
          [0, 1],
          [1, 0],
        ],
      ),
    () => [sample([4, 2, 2, 3])],
  ],
  ["flipLeftRight", (x) => tf.image.flipLeftRight(x as tf.Tensor4D), () => [sample([1, 2, 3, 2])], noGradients],
  [
    "fill, range, linspace, eye",
    (x) => [
      tf.mul(tf.fill([3], 2.5), x),
      tf.add(tf.range(0, 6, 2), x),
      tf.add(tf.linspace(0, 1, 3), x),
      tf.mul(tf.eye(3), x),
    ],
    () => [sample([3])],
  ],
  ["range downwards", (x) => tf.add(tf.range(5, 0, -2, "int32"), x), () => [ints(1, 1, 1)]],
]);

cases("matrix products", [
  ...[false, true].flatMap((transposeA) =>
    [false, true].map((transposeB): Case => [
      `matMul, transpose ${transposeA} ${transposeB}`,
      (a, b) => tf.matMul(a, b, transposeA, transposeB),
      () => [sample(transposeA ? [2, 3, 4] : [2, 4, 3]), sample(transposeB ? [2, 5, 3] : [2, 3, 5], 2)],
    ]),
  ),
  ["matMul of matrices", (a, b) => tf.matMul(a, b), () => [sample([4, 3]), sample([3, 5], 2)]],
  [
    "matMul of transposed tensors",
    (a, b) => tf.matMul(tf.transpose(a), tf.transpose(b)),
    () => [sample([3, 4]), sample([5, 3], 2)],
  ],
  ["matMul, broadcast", (a, b) => tf.matMul(a, b), () => [sample([2, 4, 3]), sample([1, 3, 5], 2)], noGradients],
  [
    "matMul of heads",
    (a, b) => tf.matMul(tf.transpose(a, [0, 2, 1, 3]), tf.transpose(b, [0, 2, 1, 3]), false, true),
    () => [sample([2, 4, 3, 5]), sample([2, 6, 3, 5], 2)],
  ],
  ["dot", (a, b) => tf.dot(a, b), () => [sample([3]), sample([3, 2], 2)]],
  [
    "fused matMul",
    (a, b, c) => tf.fused.matMul({ a: a, b: b, bias: c, activation: "relu" }),
    () => [sample([4, 3]), sample([3, 5], 2), sample([5], 3)],
  ],
  ["einsum", (a, b) => tf.einsum("bij,bjk->ik", a, b), () => [sample([2, 3, 4]), sample([2, 4, 5], 2)], noGradients],
]);

const image = (): tf.Tensor => sample([2, 7, 6, 3]);
const filter = (): tf.Tensor => sample([3, 2, 3, 4], 2);
const volume = (): tf.Tensor => sample([2, 5, 6, 5, 3]);

cases("convolutions", [
  ...(["same", "valid", 1] as const).flatMap((pad) =>
    ([1, 2] as const).map((strides): Case => [
      `conv2d, ${pad}, stride ${strides}`,
      (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad),
      () => [image(), sample([3, 3, 3, 4], 2)],
    ]),
  ),
  [
    "conv2d, explicit padding",
    (x, w) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, [
        [0, 0],
        [0, 1],
        [1, 0],
        [0, 0],
      ]),
    () => [image(), filter()],
  ],
  [
    "conv2d, dilated",
    (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same", "NHWC", 2),
    () => [image(), filter()],
    noGradients,
  ],
  [
    "conv2d, NCHW",
    (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same", "NCHW"),
    () => [sample([2, 3, 5, 4]), filter()],
    noGradients,
  ],
  [
    "conv2d, 1 x 1",
    (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same"),
    () => [image(), sample([1, 1, 3, 4], 2)],
  ],
  [
    "conv1d",
    (x, w) => tf.conv1d(x as tf.Tensor3D, w as tf.Tensor3D, 1, "same"),
    () => [sample([2, 6, 3]), sample([3, 3, 4], 2)],
  ],
  [
    "conv2dTranspose",
    (x, w) => tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [2, 7, 6, 3], 2, "same"),
    () => [sample([2, 4, 3, 4]), filter()],
  ],
  [
    "depthwiseConv2d",
    (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, "same"),
    () => [image(), sample([3, 3, 3, 2], 2)],
  ],
  [
    "depthwiseConv2d, valid",
    (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "valid"),
    () => [image(), sample([3, 3, 3, 1], 2)],
  ],
  [
    "fused conv2d",
    (x, w, b) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: w as tf.Tensor4D,
        strides: 1,
        pad: "same",
        bias: b,
        activation: "relu",
      }),
    () => [image(), filter(), sample([4], 3)],
  ],
  [
    "fused depthwiseConv2d",
    (x, w, b) =>
      tf.fused.depthwiseConv2d({
        x: x as tf.Tensor4D,
        filter: w as tf.Tensor4D,
        strides: 1,
        pad: "same",
        bias: b,
        activation: "relu6",
      }),
    () => [image(), sample([3, 3, 3, 1], 2), sample([3], 3)],
  ],
  ...(["same", "valid"] as const).flatMap((pad) =>
    ([1, 2, [2, 1, 1], [1, 2, 2]] as const).map((strides): Case => [
      `conv3d, ${pad}, stride ${String(strides)}`,
      (x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, strides as [number, number, number], pad),
      () => [volume(), sample([3, 3, 2, 3, 4], 2)],
    ]),
  ),
  [
    "conv3d with many outputs",
    (x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, "same"),
    () => [sample([1, 3, 4, 4, 2]), sample([3, 3, 3, 2, 6], 2)],
  ],
  [
    "conv3d, no taps in time",
    (x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, "same"),
    () => [volume(), sample([1, 3, 3, 3, 4], 2)],
  ],
  [
    "conv3d, dilated",
    (x, w) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, 1, "same", "NDHWC", [2, 1, 1]),
    () => [volume(), sample([3, 3, 3, 3, 4], 2)],
    noGradients,
  ],
]);

/** The right gradient of an average pool: tfjs-cpu divides by the whole window even where padding cuts it. */
const averageByParts =
  (size: number, stride: number): Op =>
  (x) => {
    const ones = tf.onesLike(x);
    const kernel = tf.eye(3).reshape([1, 1, 3, 3]).tile([size, size, 1, 1]) as tf.Tensor4D;
    const sum = tf.conv2d(x as tf.Tensor4D, kernel, stride, "same");
    return tf.div(sum, tf.conv2d(ones as tf.Tensor4D, kernel, stride, "same"));
  };

cases("pools", [
  ["maxPool", (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, "valid"), () => [image()]],
  ["maxPool, overlapping", (x) => tf.maxPool(x as tf.Tensor4D, 3, 2, "same"), () => [image()]],
  ["avgPool", (x) => tf.avgPool(x as tf.Tensor4D, 2, 2, "valid"), () => [image()]],
  [
    "avgPool, overlapping",
    (x) => tf.avgPool(x as tf.Tensor4D, 3, 2, "same"),
    () => [image()],
    { reference: averageByParts(3, 2) },
  ],
  ["maxPool3d", (x) => tf.maxPool3d(x as tf.Tensor5D, 2, 2, "valid"), () => [volume()]],
  ["avgPool3d", (x) => tf.avgPool3d(x as tf.Tensor5D, 2, 2, "valid"), () => [volume()]],
]);

const resizeGradientIsWrongForBatches = (): tf.Tensor[] => [sample([1, 3, 4, 2])];

cases("resizing", [
  ...[false, true].flatMap((align): Case[] => [
    [
      `nearest, larger, alignCorners ${align}`,
      (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [6, 7], align),
      resizeGradientIsWrongForBatches,
    ],
    [
      `bilinear, larger, alignCorners ${align}`,
      (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [6, 7], align),
      () => [sample([2, 4, 4, 2])],
    ],
    [
      `bilinear, smaller, alignCorners ${align}`,
      (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [2, 3], align),
      () => [sample([2, 5, 5, 2])],
    ],
  ]),
  [
    "bilinear, half pixels",
    (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [6, 7], false, true),
    () => [sample([2, 3, 4, 2])],
    noGradients,
  ],
  [
    "nearest, a batch",
    (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [6, 8]),
    () => [sample([2, 3, 4, 2])],
    {
      reference: (x) =>
        tf.reshape(tf.tile(tf.reshape(x, [6, 1, 4, 1, 2]).squeeze([1]).expandDims(1), [1, 2, 1, 2, 1]), [2, 6, 8, 2]),
      gradients: false,
    },
  ],
]);

cases("indices", [
  ["gather", (x, i) => tf.gather(x, i), () => [sample([4, 3]), ints(2, 0, 2)], { gradients: [0] }],
  ["gather on an axis", (x, i) => tf.gather(x, i, 1), () => [sample([2, 4, 3]), ints(3, 0, 3)], { gradients: [0] }],
  [
    "gather by a matrix",
    (x, i) => tf.gather(x, i, 0),
    () => [
      sample([4, 3]),
      tf.tensor2d(
        [
          [0, 1],
          [3, 3],
        ],
        [2, 2],
        "int32",
      ),
    ],
    { gradients: [0] },
  ],
  [
    "gather with a batch",
    (x, i) => tf.gather(x, i, 1, 1),
    () => [
      sample([2, 4, 3]),
      tf.tensor2d(
        [
          [0, 1],
          [3, 3],
        ],
        [2, 2],
        "int32",
      ),
    ],
    noGradients,
  ],
  [
    "gather with a batch, inner axis",
    (x, i) => tf.gather(x, i, 2, 1),
    () => [
      sample([2, 4, 3]),
      tf.tensor2d(
        [
          [0, 1],
          [2, 2],
        ],
        [2, 2],
        "int32",
      ),
    ],
    noGradients,
  ],
  [
    "gatherND",
    (x, i) => tf.gatherND(x, i),
    () => [
      sample([2, 4, 3]),
      tf.tensor2d(
        [
          [0, 1],
          [1, 3],
        ],
        [2, 2],
        "int32",
      ),
    ],
    noGradients,
  ],
  [
    "scatterND",
    (i, x) => tf.scatterND(i, x, [5, 3]),
    () => [tf.tensor2d([[1], [4], [1]], [3, 1], "int32"), sample([3, 3])],
    noGradients,
  ],
  [
    "tensorScatterUpdate",
    (t, i, x) => tf.tensorScatterUpdate(t, i, x),
    () => [sample([5, 3]), tf.tensor2d([[1], [4]], [2, 1], "int32"), sample([2, 3], 2)],
    noGradients,
  ],
  ["sparseToDense", (i, x) => tf.sparseToDense(i, x, [5], 0.5), () => [ints(1, 4), sample([2])], noGradients],
  [
    "unsortedSegmentSum",
    (x, i) => tf.unsortedSegmentSum(x, i as tf.Tensor1D, 3),
    () => [sample([4, 2]), ints(0, 2, 0, 1)],
    noGradients,
  ],
  ["oneHot", (i) => [tf.oneHot(i, 4), tf.oneHot(i, 4, 0.9, 0.1, "float32")], () => [ints(2, 0, 3)]],
]);

// tfjs's own ops are compositions of others here; older versions and other libraries call the kernels.
const kernel = (name: string, inputs: tf.NamedTensorMap, attributes: tf.NamedAttrMap = {}): tf.Tensor =>
  tf.engine().runKernel(name, inputs, attributes);

cases("kernels without an op", [
  [
    "LogicalXor",
    (a, b) => kernel("LogicalXor", { a: a, b: b }),
    () => [bools(1, 0, 1, 0), bools(0, 0, 1, 1)],
    { reference: (a, b) => tf.logicalXor(a, b) },
  ],
  [
    "LogSoftmax",
    (x) => kernel("LogSoftmax", { logits: x }, { axis: 2 }),
    x234,
    { reference: (x) => tf.logSoftmax(x), gradients: false },
  ],
  [
    "BroadcastTo",
    (x) => kernel("BroadcastTo", { x: x }, { shape: [2, 3, 4], inputShape: [3, 1] }),
    () => [sample([3, 1])],
    { reference: (x) => tf.broadcastTo(x, [2, 3, 4]), gradients: false },
  ],
]);

describe("the suite", () => {
  it("has run every lowering of a tfjs kernel", () => {
    const missed = Object.keys(lowerings).filter((name) => !name.startsWith("nn.") && !used.has(name));
    expect(missed).toEqual([]);
  });
});
