import { Parameter, type StateDict, toFloat32 } from "@noisereel/core";
import { readSafetensors } from "@noisereel/core/node";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { clipFactor, globalNorm } from "../gradients.js";
import { adamW } from "./adamw.js";

const goldens = fileURLToPath(new URL("../../test/goldens", import.meta.url));
const read = async (name: string): Promise<StateDict> =>
  (await readSafetensors(`${goldens}/${name}.safetensors`)).tensors;

/** Applies one step of given gradients. */
function step(
  optimizer: ReturnType<typeof adamW>,
  parameters: ReadonlyMap<string, Parameter>,
  gradients: ReadonlyMap<string, tf.Tensor>,
  number: number,
  learningRate: number,
): void {
  tf.tidy(() =>
    optimizer.apply(parameters, gradients, { step: tf.scalar(number), learningRate: tf.scalar(learningRate) }),
  );
}

// The tolerances are the manifest's for these cases: 20 times the reference's own float32 noise. One element in a hundred
// may be further off, because Adam turns the sign of a gradient at rounding level into a whole step.
test.each([
  { id: "adamw_lr1e-3", learningRate: 1e-3, tolerance: 4e-6 },
  { id: "adamw_lr2e-5", learningRate: 2e-5, tolerance: 1.2e-7 },
])("clip and first update of $id equal the reference's", async ({ id, learningRate, tolerance }) => {
  const [golden, recorded, weights] = [await read(id), await read("grad_joint"), await read("tiny_t2v_train.weights")];
  const parameters = new Map<string, Parameter>();
  const gradients = new Map<string, tf.Tensor>();
  for (const [key, stored] of recorded) {
    if (!key.startsWith("out.grad.")) continue;
    const name = key.slice("out.grad.".length);
    const parameter = new Parameter(stored.shape);
    parameter.load(weights.get(`w.${name}`) ?? weights.get(name)!);
    parameters.set(name, parameter);
    gradients.set(name, tf.tensor(toFloat32(stored), [...stored.shape]));
  }
  const norm = globalNorm(gradients);
  expect((await norm.data())[0]).toBeCloseTo(toFloat32(golden.get("out.grad_norm")!)[0]!, 4);
  const factor = clipFactor(norm, 1);
  const clipped = new Map([...gradients].map(([name, gradient]) => [name, tf.mul(gradient, factor)]));
  step(adamW(), parameters, clipped, 1, learningRate);
  let compared = 0;
  for (const [key, stored] of golden) {
    const name = /^out\.param\.(.*)\.step1$/.exec(key)?.[1];
    if (name === undefined) continue;
    const expected = toFloat32(stored);
    const found = await parameters.get(name)!.variable.data();
    const far = expected.filter((value, i) => Math.abs(value - found[i]!) > tolerance + 1e-6 * Math.abs(value));
    expect(far.length, name).toBeLessThanOrEqual(Math.floor(expected.length / 100));
    compared += 1;
  }
  expect(compared).toBe(5);
});

/** AdamW in float64, as torch.optim.AdamW writes it. */
function reference(
  start: number,
  gradients: readonly number[],
  rate: number,
  betas: readonly [number, number],
  decay: number,
): number {
  let [value, m, v] = [start, 0, 0];
  for (const [index, gradient] of gradients.entries()) {
    const count = index + 1;
    value *= 1 - rate * decay;
    m = betas[0] * m + (1 - betas[0]) * gradient;
    v = betas[1] * v + (1 - betas[1]) * gradient * gradient;
    const corrected = Math.sqrt(v / (1 - betas[1] ** count));
    value -= (rate / (1 - betas[0] ** count)) * (m / (corrected + 1e-8));
  }
  return value;
}

test("any sequence of gradients gives the float64 result", () => {
  const gradient = fc.double({ min: -2, max: 2, noNaN: true }).filter((value) => Math.abs(value) > 1e-3);
  fc.assert(
    fc.property(
      fc.double({ min: -3, max: 3, noNaN: true }),
      fc.array(gradient, { minLength: 1, maxLength: 6 }),
      fc.constantFrom(1e-2, 1e-4),
      fc.constantFrom<readonly [number, number]>([0.9, 0.999], [0.5, 0.9], [0, 0.99]),
      fc.constantFrom(0, 0.01, 0.3),
      (start, gradients, rate, betas, weightDecay) => {
        const optimizer = adamW({ betas, weightDecay });
        const parameter = new Parameter([1], { fill: start });
        for (const [index, value] of gradients.entries()) {
          step(optimizer, new Map([["p", parameter]]), new Map([["p", tf.tensor1d([value])]]), index + 1, rate);
        }
        const found = parameter.variable.dataSync()[0]!;
        // Rounding of the value itself, and of steps no larger than `rate` each, in float32.
        const tolerance = gradients.length * (Math.abs(start) * 2 ** -23 + rate * 1e-5);
        expect(Math.abs(found - reference(start, gradients, rate, betas, weightDecay))).toBeLessThan(tolerance);
        optimizer.dispose();
        parameter.dispose();
      },
    ),
    { numRuns: 60 },
  );
});

test("groups change rate and decay, and what has no gradient stays", () => {
  const optimizer = adamW({
    weightDecay: 0,
    groups: [{ match: (name) => name.endsWith("time"), learningRate: 10 }],
  });
  const parameters = new Map(["space", "time", "unused"].map((name) => [name, new Parameter([1], { fill: 1 })]));
  const gradients = new Map(["space", "time"].map((name) => [name, tf.tensor1d([0.5])]));
  step(optimizer, parameters, gradients, 1, 0.01);
  const [space, time, unused] = [...parameters.values()].map(({ variable }) => variable.dataSync()[0]!);
  // The first step of Adam moves by the learning rate.
  expect(space).toBeCloseTo(0.99, 6);
  expect(time).toBeCloseTo(0.9, 6);
  expect(unused).toBe(1);
});

test("settings that cannot work are refused", () => {
  expect(() => adamW({ betas: [0.9, 1] })).toThrow("betas holds 1; use numbers from 0 to below 1");
  expect(() => adamW({ epsilon: 0 })).toThrow("epsilon is 0");
  expect(() => adamW({ weightDecay: -1 })).toThrow("weightDecay is -1");
});
