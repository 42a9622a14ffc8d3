// The order of each sampler, on data whose flow is a formula: with three times the steps the error falls by 3 to the order.
import type { Sampler, SampleRequest } from "@noisereel/core";
import { expect, test } from "vitest";
import { ddim, dpmSolverMultistep, dpmSolverSinglestep, flowEuler, pndm } from "../src/index.js";
import { solverLevels } from "../src/samplers/dpm-solver.js";
import { evenSchedule, exactFlow, gaussian, gaussianFlowRequest, gaussianRequest, mixAt } from "./support/gaussian.js";

const start = 1.3;

/** The state after every step, and the result. */
async function states(sampler: Sampler, request: SampleRequest): Promise<{ seen: number[]; final: number }> {
  const stream = sampler.sample(request);
  const seen: number[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { seen, final: next.value.dataSync()[0]! };
    seen.push(next.value.latents.dataSync()[0]!);
  }
}

/** What the order must be for these errors. */
const orderOf = (coarse: number, fine: number) => Math.log(coarse / fine) / Math.log(3);

/**
 * The largest error at the noise levels on the way. The last step, from the last level to none, is left out: it lands on an
 * estimate, whatever the order.
 */
async function errorOnTheWay(make: (timesteps: readonly number[]) => Sampler, steps: number): Promise<number> {
  const levels = solverLevels(evenSchedule, steps);
  const { seen } = await states(
    make(levels.slice(0, -1).map(({ timestep }) => timestep)),
    gaussianRequest(steps, start),
  );
  const first = mixAt(evenSchedule.alphasCumprod[999]!);
  const errors = seen
    .slice(0, -1)
    .map((x, i) => Math.abs(x - exactFlow(start, first, [levels[i + 1]!.alpha, levels[i + 1]!.sigma])));
  return Math.max(...errors);
}

test.each([
  ["DDIM", 1, (spacing: readonly number[]) => ddim({ spacing })],
  ["DPM-Solver++ 2M", 2, () => dpmSolverMultistep()],
] as const)("%s is of order %d", async (_, order, make) => {
  const found = orderOf(await errorOnTheWay(make, 15), await errorOnTheWay(make, 45));
  // Steps this long meet the order to a few tenths; errors from 1e-3 up are far above float32's.
  expect(found).toBeGreaterThan(order - 0.3);
  expect(found).toBeLessThan(order + 0.5);
});

test("DPM-Solver++ 2S is of order 2 after every second step", async () => {
  const error = async (steps: number) => {
    const levels = solverLevels(evenSchedule, steps);
    const { seen } = await states(dpmSolverSinglestep(), gaussianRequest(steps, start));
    const first = mixAt(evenSchedule.alphasCumprod[999]!);
    const errors = seen
      .slice(0, -1)
      .map((x, i) => Math.abs(x - exactFlow(start, first, [levels[i + 1]!.alpha, levels[i + 1]!.sigma])))
      .filter((_, i) => i % 2 === 1);
    return Math.max(...errors);
  };
  const found = orderOf(await error(15), await error(45));
  expect(found).toBeGreaterThan(1.7);
  expect(found).toBeLessThan(2.6);
});

test.each([1, 3])("flow Euler with shift %d is of order 1, to the end", async (shift) => {
  const exact = exactFlow(start, [0, 1], [1, 0]);
  expect(exact).toBeCloseTo(gaussian.mean + gaussian.deviation * start, 12);
  const error = async (steps: number) =>
    Math.abs((await states(flowEuler({ shift }), gaussianFlowRequest(steps, start))).final - exact);
  const [coarse, fine] = [await error(15), await error(45)];
  expect(fine).toBeGreaterThan(1e-4); // not float32's rounding
  expect(orderOf(coarse, fine)).toBeGreaterThan(0.8);
  expect(orderOf(coarse, fine)).toBeLessThan(1.2);
});

test("PNDM is of order 2, as its paper shows, to the level of timestep 0", async () => {
  const error = async (steps: number) => {
    const first = mixAt(evenSchedule.alphasCumprod[1000 - 1000 / steps]!);
    const { final } = await states(pndm(), gaussianRequest(steps, start));
    return Math.abs(final - exactFlow(start, first, mixAt(evenSchedule.alphasCumprod[0]!)));
  };
  const found = Math.log((await error(25)) / (await error(100))) / Math.log(4); // numbers of steps that divide the schedule
  expect(found).toBeGreaterThan(1.8);
  expect(found).toBeLessThan(2.3);
});
