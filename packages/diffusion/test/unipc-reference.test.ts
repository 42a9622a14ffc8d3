// UniPC beside an implementation that shares nothing with it: references/unipc.py, written from the paper in NumPy and float64.
import { createRng } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { linearSchedule, unipc } from "../src/index.js";

interface Recording {
  /** Share, mean and deviation of each Gaussian of the data. */
  readonly modes: readonly (readonly [number, number, number])[];
  readonly starts: readonly number[];
  readonly steps: number;
  readonly cases: readonly {
    readonly order: 1 | 2 | 3;
    readonly variant: "bh1" | "bh2";
    readonly corrector: boolean;
    /** After every step. */
    readonly states: readonly (readonly number[])[];
  }[];
}

const recording = JSON.parse(
  await readFile(path.join(import.meta.dirname, "references", "unipc.json"), "utf8"),
) as Recording;
const schedule = linearSchedule();

/** The mean of the clean number given `x = alpha clean + sigma noise`. */
function bestEstimate(x: number, level: number): number {
  let [sum, total] = [0, 0];
  for (const [share, mean, deviation] of recording.modes) {
    const variance = level * deviation ** 2 + 1 - level;
    const distance = x - Math.sqrt(level) * mean;
    const weight = (share / Math.sqrt(variance)) * Math.exp(-(distance ** 2) / (2 * variance));
    sum += weight * (mean + (Math.sqrt(level) * deviation ** 2 * distance) / variance);
    total += weight;
  }
  return sum / total;
}

test.each(recording.cases)("order $order, $variant, corrector $corrector", async ({ states, ...options }) => {
  const stream = unipc(options).sample({
    predict: (x, timestep) =>
      tf.tensor5d(
        Array.from(x.dataSync(), (value) => bestEstimate(value, schedule.alphasCumprod[timestep]!)),
        x.shape,
      ),
    predicts: "sample",
    learnsVariance: false,
    schedule,
    steps: recording.steps,
    latents: tf.tensor5d([...recording.starts], [1, 1, 1, recording.starts.length, 1]),
    rng: createRng(0),
  });
  let index = 0;
  for await (const { latents } of stream) {
    const found = Array.from(latents.dataSync());
    // Float32 states of size 2 against float64: a few units in the last place of each step, and what the flow makes of them.
    for (const [i, value] of found.entries()) expect(Math.abs(value - states[index]![i]!)).toBeLessThan(5e-6);
    index++;
  }
  expect(index).toBe(states.length);
});
