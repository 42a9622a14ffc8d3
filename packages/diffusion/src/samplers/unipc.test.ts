import { describe, expect, test } from "vitest";
import { bestClean, evenSchedule, exactFlow, gaussianRequest, mixAt } from "../../test/support/gaussian.js";
import { linearSchedule } from "../schedule.js";
import { dpmSolverMultistep, solverLevels } from "./dpm-solver.js";
import { differenceWeights, unipc, type UniPcOptions } from "./unipc.js";

/** The state before every call but the first, and the result. */
async function states(options: UniPcOptions, steps: number, start: number): Promise<number[]> {
  const stream = unipc(options).sample(gaussianRequest(steps, start));
  const seen: number[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return seen;
    seen.push(next.value.latents.dataSync()[0]!);
  }
}

/** `integral of e^l P(l)` between two lambdas by Simpson's rule, P the polynomial through points. */
function integral(from: number, to: number, points: readonly (readonly [number, number])[]): number {
  const polynomial = (lambda: number) =>
    points.reduce((sum, [at, value], i) => {
      const others = points.filter((_, j) => j !== i);
      return sum + others.reduce((product, [other]) => (product * (lambda - other)) / (at - other), value);
    }, 0);
  const cells = 2000;
  let sum = 0;
  for (let i = 0; i <= cells; i++) {
    const lambda = from + ((to - from) * i) / cells;
    sum += (i === 0 || i === cells ? 1 : i % 2 === 1 ? 4 : 2) * Math.exp(lambda) * polynomial(lambda);
  }
  return (sum * (to - from)) / cells / 3;
}

/**
 * The same method from its definition: integrate the polynomial through the estimates at hand; with only two of them, half of
 * B(h) times their difference. Float64, for one number.
 */
function byDefinition(options: Required<UniPcOptions>, steps: number, start: number): number[] {
  const levels = solverLevels(evenSchedule, steps);
  const move = (x: number, known: readonly (readonly [number, number])[], from: number, to: number) => {
    const [a, b] = [levels[from]!, levels[to]!];
    if (b.lambda === Infinity) return known[0]![1];
    const h = b.lambda - a.lambda;
    const scaled = (b.sigma / a.sigma) * x;
    if (known.length === 2) {
      const slope = (known[1]![1] - known[0]![1]) / ((known[1]![0] - a.lambda) / h);
      const size = options.variant === "bh2" ? Math.expm1(-h) : -h;
      return scaled - b.alpha * Math.expm1(-h) * known[0]![1] - (b.alpha * size * slope) / 2;
    }
    return scaled + b.sigma * integral(a.lambda, b.lambda, known);
  };
  let x = start;
  let base = start;
  const found: [number, number][] = [];
  const result: number[] = [];
  for (let i = 0; i < steps; i++) {
    const here = levels[i]!;
    const estimate: [number, number] = [here.lambda, bestClean(x, here.alpha, here.sigma)];
    if (options.corrector && i > 0) {
      x = move(base, [...found.slice(0, Math.min(options.order, i)), estimate], i - 1, i);
    }
    found.unshift(estimate);
    base = x;
    x = move(x, found.slice(0, Math.min(options.order, i + 1, steps - i)), i, i + 1);
    result.push(x);
  }
  return result;
}

describe.each([1, 2, 3] as const)("order %d", (order) => {
  test.each([
    [true, "bh2"],
    [true, "bh1"],
    [false, "bh2"],
    [false, "bh1"],
  ] as const)("follows the definition, corrector %s, %s", async (corrector, variant) => {
    const options = { order, corrector, variant };
    const [found, expected] = [await states(options, 12, 1.3), byDefinition(options, 12, 1.3)];
    // Float32 states against float64: a few units in the last place of numbers around 1.
    for (const [i, value] of found.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(3e-6);
  });

  test("converges with the predictor's order, and with one more when corrected", async () => {
    const start = 1.3;
    const first = mixAt(evenSchedule.alphasCumprod[999]!);
    const errorAfter = async (steps: number, corrector: boolean) => {
      const seen = (await states({ order, corrector }, steps, start)).slice(0, -1);
      const levels = solverLevels(evenSchedule, steps);
      return Math.max(
        ...seen.map((x, i) => Math.abs(x - exactFlow(start, first, [levels[i + 1]!.alpha, levels[i + 1]!.sigma]))),
      );
    };
    for (const corrector of [false, true]) {
      const [coarse, fine] = [await errorAfter(9, corrector), await errorAfter(27, corrector)];
      // Errors of 3e-4 to 1e-1 are far above float32's; with steps this long the order is met to a few tenths.
      expect(Math.log(coarse / fine) / Math.log(3)).toBeGreaterThan(order + (corrector ? 1 : 0) - 0.4);
    }
  });
});

test("without its corrector, order 2 is DPM-Solver++ 2M", async () => {
  const run = async (sampler: ReturnType<typeof unipc>) => {
    const stream = sampler.sample(gaussianRequest(15, 0.7, linearSchedule()));
    for (;;) {
      const next = await stream.next();
      if (next.done === true) return next.value.dataSync()[0]!;
    }
  };
  expect(Math.abs((await run(unipc({ corrector: false }))) - (await run(dpmSolverMultistep())))).toBeLessThan(1e-5);
});

test("weights of differences integrate polynomials exactly", () => {
  // The integral of e^(-span (1 - u)) u over the step, in u from 0 to 1, is what a slope of 1 must give.
  const span = 0.7;
  const weights = differenceWeights([-0.8, 1], span, "bh2");
  const slope = weights.reduce((sum, weight) => sum + weight, 0); // differences over positions are 1 for a straight line
  expect(-slope).toBeCloseTo(1 - (1 - Math.exp(-span)) / span, 10);
});

test("refuses other orders", () => {
  expect(() => unipc({ order: 4 as 3 })).toThrow(/order is 4; use 1, 2 or 3/);
});
