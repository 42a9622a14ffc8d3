import { createRng, type TrainRun, type TrainStep } from "@noisereel/core";
import { describe, expect, test } from "vitest";
import { lossSecondMomentTimesteps } from "./loss-aware.js";

const steps = 5;
const make = () => lossSecondMomentTimesteps({ steps, remembered: 3, uniformShare: 0.1 });
const run = {} as TrainRun;
const stepWith = (scalars: Record<string, number>): TrainStep => ({
  step: 1,
  totalSteps: 9,
  losses: {},
  seconds: 0,
  scalars,
});

/** Losses of which timestep 4 has ten times the size of the others. */
function taught() {
  const sampler = make();
  for (let round = 0; round < 3; round++) {
    sampler.record(
      [0, 1, 2, 3, 4],
      [1, -1, 1, -1, 10].map((x) => x * (round === 0 ? 100 : 1)),
    );
  }
  sampler.record([0, 1, 2, 3, 4], [1, 1, 1, 1, 10]); // pushes out the first round
  return sampler;
}

describe("lossSecondMomentTimesteps", () => {
  test("draws uniformly until every timestep has its losses", () => {
    const sampler = make();
    for (let round = 0; round < 4; round++) sampler.record([0, 1, 2, 3], [1, 1, 1, 9]);
    expect(Array.from(sampler.probabilities())).toEqual([0.2, 0.2, 0.2, 0.2, 0.2]);
    expect(Array.from(sampler(steps, 3, createRng(1)).weights)).toEqual([1, 1, 1]);
  });

  test("then by the root of the mean square of the last losses, with a uniform share", () => {
    const chances = taught().probabilities();
    expect(chances[0]).toBeCloseTo((0.9 * 1) / 14 + 0.1 / 5, 6);
    expect(chances[4]).toBeCloseTo((0.9 * 10) / 14 + 0.1 / 5, 6);
  });

  test("weights make the mean unbiased", () => {
    const sampler = taught();
    const count = 20_000;
    const { timesteps, weights } = sampler(steps, count, createRng(2));
    const share = timesteps.filter((t) => t === 4).length / count;
    // Four deviations of a share of 0.66 among 20000 draws are 0.014.
    expect(Math.abs(share - sampler.probabilities()[4]!)).toBeLessThan(0.014);
    const mean = timesteps.reduce((sum, t, i) => sum + weights[i]! * (t === 4 ? 10 : 1), 0) / count;
    expect(Math.abs(mean - 2.8)).toBeLessThan(0.1);
  });

  test("its plugin learns from a step's scalars, and survives a checkpoint", () => {
    const sampler = make();
    for (let round = 0; round < 3; round++) {
      for (const t of [0, 1, 2, 3, 4]) {
        void sampler.plugin.onStep!(
          stepWith({ "timestep.0": t, "itemLoss.0": t === 4 ? 10 : 1, "timestep.1": 0, "itemLoss.1": 1 }),
          run,
        );
      }
    }
    expect(sampler.probabilities()[4]).toBeCloseTo((0.9 * 10) / 14 + 0.02, 6);
    const other = make();
    other.plugin.restore!(sampler.plugin.state!());
    expect(other.probabilities()).toEqual(sampler.probabilities());
    const smaller = lossSecondMomentTimesteps({ steps: 4, remembered: 3 });
    expect(() => smaller.plugin.restore!(sampler.plugin.state!())).toThrow(/\[5, 3\] but this run \[4, 3\]/);
  });

  test("leaves out losses that are not finite, and refuses averaged timesteps and tasks that report nothing", () => {
    const sampler = make();
    sampler.record([0, 0, 0, 0], [NaN, 1, 1, Infinity]);
    expect(sampler.plugin.state!().tensors.get("counts")!.bytes[0]).toBe(2);
    expect(() => sampler.plugin.onStep!(stepWith({ "timestep.0": 1.5, "itemLoss.0": 1 }), run)).toThrow(
      /timestep 1.5.*without accumulation/,
    );
    expect(() => sampler.plugin.onStep!(stepWith({ mse: 1 }), run)).toThrow(/reports no losses/);
    expect(() => sampler(1000, 1, createRng(0))).toThrow(/1000 timesteps but steps is 5/);
    expect(() => lossSecondMomentTimesteps({ uniformShare: 0 })).toThrow(/uniformShare is 0/);
  });
});
