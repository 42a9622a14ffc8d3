// Every nn.* kernel, against compositions of plain ops on tfjs's cpu backend: values and gradients.
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { compile } from "../src/index.js";
import { conforms, sample } from "./conformance.js";
import type { CausalOptions } from "./fused.js";
import { after, attention, conv3dCausal, geluTanh, groupNorm, layerNorm, linear, silu, upsample } from "./fused.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("activations", () => {
  it("nn.Silu", () => conforms((x) => silu(x), [tf.mul(sample([3, 70]), 4)]));
  it("nn.GeluTanh", () => conforms((x) => geluTanh(x), [tf.mul(sample([3, 70]), 3)]));
});

describe("norms", () => {
  it.each([[[4, 8]], [[2, 3, 16]]])("nn.LayerNorm of %j", (shape) => conforms((x) => layerNorm(x), [sample(shape)]));

  it("nn.LayerNorm with an epsilon that matters", () =>
    conforms((x) => layerNorm(tf.mul(x, 0.01), 1e-3), [sample([3, 8])]));

  it.each([
    { shape: [2, 8], groups: 2 },
    { shape: [2, 5, 8], groups: 4 },
    { shape: [2, 3, 4, 8], groups: 2 },
    { shape: [2, 3, 4, 8], groups: 8 },
    { shape: [2, 1, 3, 4, 8], groups: 2 },
    { shape: [2, 3, 4, 3, 8], groups: 4 },
  ])("nn.GroupNorm of $shape in $groups groups", ({ shape, groups }) =>
    conforms(
      (x, scale, bias) => groupNorm(tf.add(x, 0.7), scale, bias, groups),
      [sample(shape), sample([8], 2), sample([8], 3)],
      // Sums over whole groups cancel: a few more units in the last place.
      { tolerance: 5e-5 },
    ),
  );
});

describe("products", () => {
  it.each([[[4, 6]], [[2, 3, 6]], [[2, 3, 2, 6]]])("nn.Linear of %j", (shape) =>
    conforms((x, weight, bias) => linear(x, weight, bias), [sample(shape), sample([5, 6], 2), sample([5], 3)]),
  );

  it("nn.Linear without a bias, of a moved tensor", () =>
    conforms((x, weight) => linear(tf.transpose(x, [0, 2, 1]), weight), [sample([2, 6, 3]), sample([5, 6], 2)]));
});

describe("order", () => {
  it("nn.After gives its first input, in any layout", async () => {
    const other = sample([3, 2], 2);
    const fn = ({ x, other }: Readonly<Record<string, tf.Tensor>>) => ({
      y: after(tf.transpose(x!, [0, 2, 1]), tf.neg(other!)),
    });
    const x = sample([2, 3, 4]);
    const compiled = compile(fn);
    const { y } = await compiled.run({ x, other });
    expect([...y!.dataSync()]).toEqual([...tf.transpose(x, [0, 2, 1]).dataSync()]);
    compiled.dispose();
  });

  it("nn.After keeps equal computations apart", async () => {
    const nodes = async (apart: boolean): Promise<number> => {
      const compiled = compile(({ x }) => {
        const first = tf.exp(tf.sin(x!));
        const again = tf.exp(tf.sin(apart ? after(x!, first) : x!));
        return { y: tf.add(first, again) };
      });
      tf.dispose(await compiled.run({ x: sample([4]) }));
      const [stats] = compiled.stats;
      compiled.dispose();
      return stats!.nodes;
    };
    expect(await nodes(false)).toBe(3);
    expect(await nodes(true)).toBeGreaterThanOrEqual(7);
  });
});

describe("attention", () => {
  const inputs = (queries: number, keys: number): tf.Tensor[] => [
    sample([2, queries, 12]),
    sample([2, keys, 12], 2),
    sample([2, keys, 12], 3),
  ];
  it.each([1, 2, 3])("nn.Attention with %i heads", (heads) =>
    conforms((q, k, v) => attention(q, k, v, heads), inputs(5, 5)),
  );

  it("nn.Attention across lengths", () => conforms((q, k, v) => attention(q, k, v, 2), inputs(3, 7)));

  it("nn.Attention of one token", () => conforms((q, k, v) => attention(q, k, v, 2), inputs(1, 1)));

  it("nn.Attention with a bias", () =>
    conforms(
      (q, k, v, bias) => attention(q, k, v, 2, bias),
      [
        ...inputs(3, 4),
        tf.tensor2d([
          [0, 0, -1e9, 0.5],
          [0, -1e9, -1e9, -1e9],
        ]),
      ],
      { gradients: [0, 1, 2] },
    ));
});

describe("video", () => {
  const causal: { name: string; shape: number[]; filter: number[]; options?: Omit<CausalOptions, "bias"> }[] = [
    { name: "three taps", shape: [2, 5, 4, 6, 3], filter: [3, 3, 3, 3, 4] },
    { name: "many output channels", shape: [2, 4, 4, 5, 2], filter: [3, 3, 3, 2, 7] },
    { name: "few output channels", shape: [1, 4, 4, 5, 6], filter: [3, 3, 3, 6, 2] },
    { name: "one frame", shape: [2, 1, 4, 5, 3], filter: [3, 3, 3, 3, 4] },
    { name: "two frames", shape: [1, 2, 4, 5, 3], filter: [3, 3, 3, 3, 4] },
    { name: "one tap", shape: [2, 3, 4, 5, 3], filter: [1, 3, 3, 3, 4] },
    {
      name: "1 x 1 x 1",
      shape: [2, 3, 4, 5, 3],
      filter: [1, 1, 1, 3, 4],
      options: { pad: [[0, 0], [0, 0]] }, // prettier-ignore
    },
    {
      name: "one tap, stride in time",
      shape: [1, 5, 4, 5, 3],
      filter: [1, 3, 3, 3, 4],
      options: { strides: [2, 1, 1] },
    },
    { name: "stride in time", shape: [1, 6, 4, 5, 3], filter: [3, 3, 3, 3, 4], options: { strides: [2, 1, 1] } },
    {
      name: "stride everywhere, uneven padding",
      shape: [2, 5, 6, 8, 3],
      filter: [3, 3, 3, 3, 4],
      options: { strides: [2, 2, 2], pad: [[0, 1], [0, 1]] }, // prettier-ignore
    },
    {
      name: "stride in space, one frame",
      shape: [2, 1, 6, 7, 3],
      filter: [3, 3, 3, 3, 4],
      options: { strides: [2, 2, 2], pad: [[0, 1], [0, 1]] }, // prettier-ignore
    },
    { name: "two taps", shape: [1, 4, 4, 4, 3], filter: [2, 3, 3, 3, 3] },
  ];
  it.each(causal)("nn.Conv3DCausal, $name", async ({ shape, filter, options }) => {
    await conforms((x, w) => conv3dCausal(x, w, options), [sample(shape), sample(filter, 2)]);
    await conforms(
      (x, w, bias) => conv3dCausal(x, w, { ...options, bias: bias }),
      [sample(shape), sample(filter, 2), sample([filter[4]!], 3)],
    );
  });

  it("nn.Conv3DCausal without the input's gradient", () =>
    conforms(
      (x, w) => conv3dCausal(x, w, { inputGradient: false }),
      [sample([1, 3, 4, 4, 2]), sample([3, 3, 3, 2, 3], 2)],
      { gradients: [1] },
    ));

  it("a chain of causal convolutions, norms and activations", () =>
    conforms(
      (x, w, scale, bias) => {
        const h = silu(groupNorm(conv3dCausal(x, w), scale, bias, 2));
        return tf.add(x, conv3dCausal(h, w));
      },
      [sample([2, 3, 4, 5, 4]), tf.mul(sample([3, 3, 3, 4, 4], 2), 0.2), sample([4], 3), sample([4], 4)],
      { tolerance: 5e-5 },
    ));

  it.each([2, 3])("nn.UpsampleNearest2D by %i", (factor) =>
    conforms((x) => upsample(x, factor), [sample([2, 3, 4, 5])]),
  );
});
