// Fused normalisations and their gradients.
//
// B batch, T frames (1 for anything but video), G groups, C channels, S spatial positions of one frame.
import type { Edge } from "../../graph/graph.js";
import { identity, permuteShape } from "../layout.js";
import type { Permutation } from "../layout.js";
import type { Sym } from "../symbol.js";
import { sizeOf } from "../tracer.js";
import type { Tracer } from "../tracer.js";
import { add, div, mul, node, number, sub } from "./arithmetic.js";
import { attribute, input } from "./kernel.js";
import type { KernelTable, Lowering } from "./kernel.js";
import { reduce } from "./reduce.js";

interface Normalised {
  readonly y: Edge;
  readonly mean: Edge;
  readonly invStd: Edge;
}

/** LayerNormalization over the last axis, without an affine part. */
function normalise(tracer: Tracer, x: Edge, epsilon: number): Normalised {
  const width = x.shape.at(-1)!;
  const rows = [...x.shape.slice(0, -1), 1];
  const ones = tracer.graph.constant("float32", new Float32Array(width).fill(1), [width]);
  const y: Edge = { type: "float32", shape: x.shape };
  const mean: Edge = { type: "float32", shape: rows };
  const invStd: Edge = { type: "float32", shape: rows };
  tracer.graph.emitMany("LayerNormalization", [x, ones], [y, mean, invStd], { attributes: { axis: -1n, epsilon } });
  return { y, mean, invStd };
}

const layerNorm: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const { y, mean, invStd } = normalise(tracer, tracer.edge(x), attribute<number>(attributes, "epsilon"));
  return [
    tracer.symbol(y, x.shape, "float32"),
    tracer.symbol(mean, mean.shape, "float32"),
    tracer.symbol(invStd, invStd.shape, "float32"),
  ];
};

/** invStd (dy - mean(dy) - xhat mean(dy xhat)) */
const layerNormGradient: Lowering = (tracer, inputs) => {
  const x = input(inputs, "x");
  const dy = input(inputs, "dy");
  const mean = input(inputs, "mean");
  const invStd = input(inputs, "invStd");
  const xhat = normalisedBy(tracer, mean, x.shape) ?? mul(tracer, sub(tracer, x, mean), invStd);
  const axes = [x.shape.length - 1];
  const first = reduce(tracer, "ReduceMean", dy, axes, true);
  const second = reduce(tracer, "ReduceMean", mul(tracer, dy, xhat), axes, true);
  return mul(tracer, sub(tracer, sub(tracer, dy, mul(tracer, xhat, second)), first), invStd);
};

/** The normalised values that the forward pass computed together with this mean: nothing to compute again. */
function normalisedBy(tracer: Tracer, mean: Sym, shape: readonly number[]): Sym | undefined {
  if (mean.source.kind !== "edge") return undefined;
  const producer = tracer.graph.producer(mean.source.edge);
  if (producer?.op !== "LayerNormalization" || producer.outputs[1] !== mean.source.edge) return undefined;
  return tracer.symbol(producer.outputs[0]!, shape, "float32");
}

/** Channels before the positions of a frame, so that a group of one frame is contiguous. */
function groupLayout(rank: number): Permutation {
  if (rank === 5) return [0, 1, 4, 2, 3];
  return [0, rank - 1, ...identity(rank).slice(1, -1)];
}

interface Groups {
  readonly batch: number;
  readonly frames: number;
  readonly groups: number;
  readonly channels: number;
  /** Positions of one frame. */
  readonly spatial: number;
  readonly layout: Permutation;
  /** [G, C]: which channels form which group. */
  readonly members: Edge;
}

function groupsOf(tracer: Tracer, x: Sym, groups: number): Groups {
  const rank = x.shape.length;
  const channels = x.shape[rank - 1]!;
  const frames = rank === 5 ? x.shape[1]! : 1;
  const batch = x.shape[0]!;
  const spatial = sizeOf(x.shape) / (batch * frames * channels);
  const members = membership(tracer, groups, channels);
  return { batch, frames, groups, channels, spatial, layout: groupLayout(rank), members };
}

/** [G, C]: 1 where a channel belongs to a group. */
function membership(tracer: Tracer, groups: number, channels: number): Edge {
  const matrix = new Float32Array(groups * channels);
  for (let channel = 0; channel < channels; channel++) {
    matrix[Math.floor((channel * groups) / channels) * channels + channel] = 1;
  }
  return tracer.graph.constant("float32", matrix, [groups, channels]);
}

/** [B, G] -> [B, C]: each group's value for each of its channels. One product instead of reshapes and repetitions. */
function perChannel(tracer: Tracer, value: Sym, info: Groups): Sym {
  const shape = [info.batch, info.channels];
  return tracer.symbol(tracer.emit("MatMul", [tracer.edge(value), info.members], shape), shape, "float32");
}

/** [B, T, G] -> [B, T, C] */
function perChannelAndFrame(tracer: Tracer, value: Sym, info: Groups): Sym {
  const { batch, frames, groups, channels } = info;
  const rows = tracer.reshape(value, [batch * frames, groups]);
  return tracer.reshape(perChannel(tracer, rows, { ...info, batch: batch * frames }), [batch, frames, channels]);
}

/** [B, C] -> [B, G]: sums over each group's channels. */
function perGroup(tracer: Tracer, value: Sym, info: Groups): Sym {
  const shape = [info.batch, info.groups];
  const edge = tracer.emit("FusedMatMul", [tracer.edge(value), info.members], shape, {
    domain: "com.microsoft",
    attributes: { transA: 0n, transB: 1n, alpha: 1 },
  });
  return tracer.symbol(edge, shape, "float32");
}

/** [B, C] lined up with [B, ...spatial, C]. */
function overSpace(tracer: Tracer, value: Sym, x: Sym): Sym {
  const shape = [value.shape[0]!, ...x.shape.slice(1, -1).map(() => 1), value.shape[1]!];
  return tracer.reshape(value, shape);
}

const groupNorm: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const scale = input(inputs, "scale");
  const bias = input(inputs, "bias");
  const epsilon = attribute<number>(attributes, "epsilon");
  const info = groupsOf(tracer, x, attribute<number>(attributes, "groups"));
  const { batch, frames, groups, channels, spatial, layout } = info;
  // Where no gradient is wanted, by channel: rows of the shape that all large tensors get, see `graph/same-shapes.ts`.
  const parts = tracer.constantWeights ? channels : groups;
  const edge = tracer.edge(x, layout);
  const rows = tracer.reshapeEdge(edge, [batch * frames * parts, (channels / parts) * spatial]);
  const normalised = normalise(tracer, rows, epsilon);
  const xhat = tracer.symbol(
    tracer.reshapeEdge(normalised.y, permuteShape(x.shape, layout)),
    x.shape,
    "float32",
    layout,
  );
  const shape = [batch, frames, groups, parts / groups];
  const statistic = (from: Edge): Sym => tracer.symbol(tracer.reshapeEdge(from, shape), shape, "float32");
  const flat = (value: Sym): Sym => tracer.reshape(value, [batch, groups]);
  const means = statistic(normalised.mean); // [B, T, G, P]
  const invStds = statistic(normalised.invStd);
  if (frames * parts === groups) {
    return [add(tracer, mul(tracer, xhat, scale), bias), flat(means), flat(invStds)];
  }
  // Statistics of a group in all frames from those of its parts: mean of variances plus variance of means.
  const mean = reduce(tracer, "ReduceMean", means, [1, 3], true); // [B, 1, G, 1]
  const offsets = sub(tracer, means, mean);
  const variances = div(tracer, number(1), mul(tracer, invStds, invStds)); // epsilon is in there already
  const spread = add(tracer, variances, mul(tracer, offsets, offsets));
  const invStd = node(tracer, "Reciprocal", [
    node(tracer, "Sqrt", [reduce(tracer, "ReduceMean", spread, [1, 3], true)]),
  ]);
  // From the values normalised by part, not from x: an output that nobody reads would be kept until the run ends.
  const perChannel = (value: Sym): Sym =>
    parts === channels
      ? tracer.reshape(value, [batch, frames, channels])
      : perChannelAndFrame(tracer, tracer.reshape(value, [batch, frames, groups]), info);
  const factor = mul(tracer, perChannel(div(tracer, invStd, invStds)), scale); // [B, T, C]
  const offset = add(tracer, mul(tracer, perChannel(mul(tracer, offsets, invStd)), scale), bias);
  const ones = x.shape.slice(1, -1).map((_, axis) => (axis === 0 ? frames : 1));
  const positions = (value: Sym): Sym => tracer.reshape(value, [batch, ...ones, channels]);
  const y = add(tracer, mul(tracer, xhat, positions(factor)), positions(offset));
  return [y, flat(mean), flat(invStd)];
};

/** dx = dy a + x p + q with one a for each channel and one p and q for each group. */
const groupNormGradient: Lowering = (tracer, inputs, attributes) => {
  const x = input(inputs, "x");
  const scale = input(inputs, "scale");
  const mean = input(inputs, "mean"); // [B, G]
  const invStd = input(inputs, "invStd"); // [B, G]
  const info = groupsOf(tracer, x, attribute<number>(attributes, "groups"));
  const { layout } = info;
  const place = (sym: Sym): Sym => tracer.symbol(tracer.edge(sym, layout), sym.shape, "float32", layout);
  const dy = place(input(inputs, "dy"));
  const placedX = place(x);
  const positions = identity(x.shape.length).slice(1, -1);
  const sumDy = reduce(tracer, "ReduceSum", dy, positions, false); // [B, C]
  const sumDyX = reduce(tracer, "ReduceSum", mul(tracer, dy, placedX), positions, false);
  const channelMean = perChannel(tracer, mean, info);
  const channelInvStd = perChannel(tracer, invStd, info);
  // sum(dy xhat) for each channel
  const sumDyXhat = mul(tracer, sub(tracer, sumDyX, mul(tracer, channelMean, sumDy)), channelInvStd);
  const count = (info.channels / info.groups) * info.spatial * info.frames;
  const share = number(1 / count);
  const first = mul(tracer, perGroup(tracer, mul(tracer, sumDy, scale), info), share); // mean of dy scale
  const second = mul(tracer, perGroup(tracer, mul(tracer, sumDyXhat, scale), info), share); // and of dy scale xhat
  const a = mul(tracer, channelInvStd, scale);
  const slope = mul(tracer, mul(tracer, invStd, invStd), second);
  const p = sub(tracer, number(0), slope);
  const q = sub(tracer, mul(tracer, mean, slope), mul(tracer, invStd, first));
  const spread = (value: Sym): Sym => overSpace(tracer, perChannel(tracer, value, info), x);
  const fromX = add(tracer, mul(tracer, placedX, spread(p)), spread(q));
  const dx = add(tracer, mul(tracer, dy, overSpace(tracer, a, x)), fromX);
  return [dx, reduce(tracer, "ReduceSum", sumDyXhat, [0], false), reduce(tracer, "ReduceSum", sumDy, [0], false)];
};

export const normKernels: KernelTable = {
  "nn.GroupNorm": groupNorm,
  "nn.GroupNormGrad": groupNormGradient,
  "nn.LayerNorm": layerNorm,
  "nn.LayerNormGrad": layerNormGradient,
};
