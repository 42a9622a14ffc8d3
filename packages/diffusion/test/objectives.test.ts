import { createRng, type NamedTensors } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  diffusionTables,
  iddpm,
  type IddpmOptions,
  linearSchedule,
  logitNormalTimesteps,
  rectifiedFlow,
  respace,
  scheduleFromBetas,
  spaceTimesteps,
  squaredCosineSchedule,
  uniformTimesteps,
  zeroTerminalSnr,
} from "../src/index.js";
import { distance, randomLatents } from "./support/tiny.js";

beforeEach(() => {
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
});

const shape: [number, number, number, number, number] = [3, 2, 2, 2, 4];
const timesteps = [0, 250, 999];

/** An objective's loss of each item when the network's estimate of the noise is off by `error`. */
function lossesWithError(options: IddpmOptions, error: number) {
  const objective = iddpm(options);
  const factors: Record<string, tf.Tensor> = {};
  for (const [name, values] of Object.entries(objective.factors(timesteps))) factors[name] = tf.tensor1d(values);
  const clean = randomLatents(shape, "clean");
  const noise = randomLatents(shape, "noise");
  const noisy = objective.noised(clean, noise, factors);
  const wrong = tf.add(noise, error);
  const [signal, amount] = ["signal", "noise"].map((name) =>
    tf.reshape((factors as NamedTensors)[name]!, [-1, 1, 1, 1, 1]),
  );
  const impliedClean = tf.div(tf.sub(noisy, tf.mul(wrong, amount!)), signal!);
  const output = {
    noise: wrong,
    sample: impliedClean,
    velocity: tf.sub(tf.mul(wrong, signal!), tf.mul(impliedClean, amount!)),
  }[objective.predicts];
  const { loss } = objective.losses({ output: output as tf.Tensor5D, clean, noise, noisy, factors });
  return [...loss.dataSync()];
}

const { alphasCumprod } = linearSchedule();
const snr = timesteps.map((t) => alphasCumprod[t]! / (1 - alphasCumprod[t]!));

describe("what the network estimates", () => {
  test.each(["noise", "sample", "velocity"] as const)("%s: a perfect estimate costs nothing", (predicts) => {
    // At timestep 999 an estimate of the clean latents is a division by 0.006: float32 leaves 1e-4 of error, squared.
    for (const loss of lossesWithError({ predicts }, 0)) expect(loss).toBeLessThan(1e-6);
  });

  test("weighs the same error differently", () => {
    const ratio = (losses: readonly number[]) => losses.map((loss) => loss / 0.01);
    const [noise, sample, velocity] = (["noise", "sample", "velocity"] as const).map((predicts) =>
      ratio(lossesWithError({ predicts }, 0.1)),
    );
    for (const [i, value] of snr.entries()) {
      expect(noise![i]).toBeCloseTo(1, 3);
      expect(sample![i]! * value).toBeCloseTo(1, 2);
      expect((velocity![i]! * value) / (value + 1)).toBeCloseTo(1, 2);
    }
  });

  test("does not matter under min-SNR weights", () => {
    const [noise, sample, velocity] = (["noise", "sample", "velocity"] as const).map((predicts) =>
      lossesWithError({ predicts, minSnr: 5 }, 0.1),
    );
    for (const [i, value] of snr.entries()) {
      const expected = (0.01 * Math.min(value, 5)) / value;
      for (const losses of [noise, sample, velocity]) expect(losses![i]! / expected).toBeCloseTo(1, 2);
    }
  });
});

test("the variational bound of fixed variances grows with the error", () => {
  const bounds = [0, 0.05, 0.2].map((error) => lossesWithError({ loss: "kl" }, error));
  for (const i of timesteps.keys()) {
    expect(bounds[1]![i]).toBeGreaterThan(bounds[0]![i]!);
    expect(bounds[2]![i]).toBeGreaterThan(bounds[1]![i]!);
  }
  expect(lossesWithError({ loss: "rescaled-kl" }, 0.05)[1]! / bounds[1]![1]!).toBeCloseTo(1000, 1);
});

test("mistakes are named", () => {
  expect(() => iddpm({ minSnr: 0 })).toThrow(/minSnr is 0/);
  expect(() => iddpm().factors([1000])).toThrow(/timestep is 1000.*0 to 999/);
  expect(() => linearSchedule({ steps: 0 })).toThrow(/steps is 0/);
  expect(() => scheduleFromBetas("mine", [0.1, 1.5])).toThrow(/betas\[1\] is 1.5/);
  expect(() => spaceTimesteps(1000, 1001)).toThrow(/1001 of 1000/);
  expect(() => spaceTimesteps(1000, "ddim700")).toThrow(/ddim700/);
  expect(() => respace(linearSchedule(), [5, 5])).toThrow(/timesteps\[1\] is 5/);
});

describe("timesteps", () => {
  const histogram = (draw: ReturnType<typeof uniformTimesteps>) => {
    const { timesteps: drawn, weights } = draw(1000, 4000, createRng(1));
    expect(weights.every((weight) => weight === 1)).toBe(true);
    expect(drawn.every((t) => Number.isInteger(t) && t >= 0 && t < 1000)).toBe(true);
    const counts = [0, 0, 0, 0, 0];
    for (const t of drawn) counts[Math.floor(t / 200)]!++;
    return counts.map((count) => count / 4000);
  };

  test("uniform draws all alike", () => {
    // Four deviations of a binomial share of 4000 draws are 0.025.
    for (const share of histogram(uniformTimesteps())) expect(Math.abs(share - 0.2)).toBeLessThan(0.025);
  });

  test("logit-normal prefers the middle, or the noisy end", () => {
    const middle = histogram(logitNormalTimesteps());
    expect(middle[2]).toBeGreaterThan(2 * middle[0]!);
    const noisy = histogram(logitNormalTimesteps({ mean: 1.5 }));
    expect(noisy[4]).toBeGreaterThan(noisy[0]! + 0.3);
    expect(() => logitNormalTimesteps({ std: 0 })).toThrow(/std is 0/);
  });
});

describe("schedules", () => {
  test.each([linearSchedule(), squaredCosineSchedule(), linearSchedule({ steps: 250 })])(
    "$name loses signal",
    (schedule) => {
      for (const [t, level] of schedule.alphasCumprod.entries()) {
        expect(level).toBeGreaterThan(0);
        expect(level).toBeLessThan(schedule.alphasCumprod[t - 1] ?? 1);
      }
    },
  );

  test("zero terminal SNR keeps the start and ends in pure noise", () => {
    const schedule = zeroTerminalSnr(linearSchedule());
    expect(schedule.alphasCumprod[0]).toBeCloseTo(linearSchedule().alphasCumprod[0]!, 12);
    expect(schedule.alphasCumprod.at(-1)).toBe(0);
    expect(diffusionTables(schedule).posteriorMeanCoef1.every(Number.isFinite)).toBe(true);
  });

  test("respacing keeps the noise level of every timestep that is left", () => {
    const spaced = respace(linearSchedule(), spaceTimesteps(1000, [10, 5]));
    expect(spaced.timesteps).toHaveLength(15);
    for (const [i, timestep] of spaced.timesteps.entries()) {
      expect(spaced.alphasCumprod[i]).toBeCloseTo(alphasCumprod[timestep]!, 12);
    }
  });
});

test("rectified flow mixes on a straight line and asks for its direction", () => {
  const objective = rectifiedFlow();
  const factors: Record<string, tf.Tensor> = {};
  for (const [name, values] of Object.entries(objective.factors([499, 999, 0]))) factors[name] = tf.tensor1d(values);
  const clean = randomLatents(shape, "clean");
  const noise = randomLatents(shape, "noise");
  const noisy = objective.noised(clean, noise, factors);
  const item = (x: tf.Tensor, i: number) => tf.slice(x, [i, 0, 0, 0, 0], [1, -1, -1, -1, -1]);
  expect(distance(item(noisy, 0), tf.mul(tf.add(item(clean, 0), item(noise, 0)), 0.5))).toBeLessThan(1e-6);
  expect(distance(item(noisy, 1), item(noise, 1))).toBe(0);
  const output = tf.add(tf.sub(noise, clean), 0.5) as tf.Tensor5D;
  for (const loss of objective.losses({ output, clean, noise, noisy, factors }).loss.dataSync()) {
    expect(loss).toBeCloseTo(0.25, 5);
  }
  expect(() => rectifiedFlow({ steps: 0 })).toThrow(/steps is 0/);
});
