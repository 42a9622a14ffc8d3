import { createRng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { causalConv3d, type CausalConvOptions, validConv3d } from "./conv.js";
import { wholeClip } from "./past.js";

const rng = createRng(3);
const draw = (...shape: number[]): tf.Tensor => rng.fork(shape.join()).normal(shape);
const draw5 = (...shape: number[]): tf.Tensor5D => draw(...shape) as tf.Tensor5D;
const draw1 = (size: number): tf.Tensor1D => draw(size) as tf.Tensor1D;
const same: CausalConvOptions = {
  strides: [1, 1, 1],
  pad: [
    [1, 1],
    [1, 1],
  ],
};

beforeAll(() => tf.setBackend("cpu"));
afterEach(() => tf.disposeVariables());

async function difference(a: tf.Tensor, b: tf.Tensor): Promise<number> {
  expect(a.shape).toEqual(b.shape);
  return (await tf.max(tf.abs(tf.sub(a, b))).data())[0]!;
}

test.each([
  [1, [3, 3, 3], same],
  [4, [1, 3, 3], same],
  [4, [1, 1, 1], { strides: [1, 1, 1], pad: same.pad.map(() => [0, 0]) as unknown as CausalConvOptions["pad"] }],
  [5, [3, 3, 3], { strides: [2, 2, 2], pad: same.pad }],
  [5, [1, 3, 3], { strides: [2, 1, 1], pad: same.pad }],
] as const)("%d frames, kernel %j: the shortcuts equal the definition", async (frames, kernel, options) => {
  const x = draw5(2, frames, 5, 6, 3);
  const filter = draw5(...kernel, 3, 4);
  const bias = draw1(4);
  const defined = validConv3d(wholeClip.extend(x, kernel[0] - 1), filter, bias, options);
  expect(await difference(causalConv3d(x, filter, bias, options), defined)).toBeLessThan(1e-5); // float32 sums of 81
});

test("too few channels are refused", () => {
  const call = () => causalConv3d(draw5(1, 2, 4, 4, 3), draw5(3, 3, 3, 2, 4), draw1(4), same);
  expect(call).toThrow(/x has 3 channels but the filter reads 2/);
});

describe("gradients by finite differences", () => {
  test.each([
    [3, [3, 3, 3], same],
    [1, [3, 3, 3], same],
    [2, [1, 3, 3], same],
  ] as const)("%d frames, kernel %j", async (frames, kernel, options) => {
    const inputs = [draw5(1, frames, 3, 4, 2), draw5(...kernel, 2, 2), draw1(2)] as const;
    const loss = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor): tf.Scalar =>
      tf.mean(tf.square(causalConv3d(x as tf.Tensor5D, filter as tf.Tensor5D, bias as tf.Tensor1D, options)));
    const gradients = tf.grads(loss)([...inputs]);
    for (const [index, input] of inputs.entries()) {
      const direction = draw(...input.shape);
      const at = async (step: number): Promise<number> => {
        const moved = inputs.map((other, i) => (i === index ? tf.add(other, tf.mul(direction, step)) : other));
        return (await loss(moved[0]!, moved[1]!, moved[2]!).data())[0]!;
      };
      const step = 1e-2;
      const measured = ((await at(step)) - (await at(-step))) / (2 * step);
      const computed = (await tf.sum(tf.mul(gradients[index]!, direction)).data())[0]!;
      // The loss is quadratic in each input, so central differences are exact up to float32 rounding over the step.
      expect(Math.abs(measured - computed)).toBeLessThan(1e-3 * Math.max(1, Math.abs(computed)));
    }
  });
});

test("a backend's own kernel is used, with its gradient", async () => {
  const seen: string[] = [];
  const attributes: unknown[] = [];
  tf.registerKernel({
    kernelName: "nn.Conv3DCausal",
    backendName: "cpu",
    kernelFunc: ({ inputs, attrs }) => {
      seen.push(Object.keys(inputs).join());
      attributes.push(attrs);
      return tf.zeros([1, 2, 3, 4, 2]);
    },
  });
  tf.registerKernel({
    kernelName: "nn.Conv3DCausalGrad",
    backendName: "cpu",
    kernelFunc: ({ inputs }) => {
      seen.push(Object.keys(inputs).join());
      return [tf.ones([1, 2, 3, 4, 2]), tf.ones([3, 3, 3, 2, 2]), tf.fill([2], 7)];
    },
  });
  try {
    const bias = draw1(2);
    const gradient = tf.grad((b) =>
      tf.sum(causalConv3d(draw5(1, 2, 3, 4, 2), draw5(3, 3, 3, 2, 2), b as tf.Tensor1D, same)),
    )(bias);
    expect([...(await gradient.data())]).toEqual([7, 7]);
    expect(seen).toEqual(["x,filter,bias", "x,filter,dy"]);
    expect(attributes[0]).toMatchObject({ strides: [1, 1, 1] });
  } finally {
    tf.unregisterKernel("nn.Conv3DCausal", "cpu");
    tf.unregisterKernel("nn.Conv3DCausalGrad", "cpu");
  }
});
