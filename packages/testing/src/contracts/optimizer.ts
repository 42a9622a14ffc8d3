// What every optimizer has to do, as tests that any runner can run.
import type { MaybePromise, Optimizer } from "@noisereel/core";
import type { TestRunner } from "./executor.js";
import { optimizerCases } from "./optimizer-cases.js";

export interface OptimizerSuiteOptions extends TestRunner {
  /** With which it comes close to a minimum at a distance of about 1 within 200 steps. Default 0.05. */
  readonly learningRate?: number | undefined;
}

/**
 * Declares the tests of one optimizer: it finds a minimum, does nothing at a rate of 0 or without a gradient, keeps its whole
 * state in slots, so that they resume it bit by bit, and frees them.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeOptimizer("mine", () => myOptimizer(), { describe, it });
 * ```
 */
export function describeOptimizer(
  name: string,
  make: () => MaybePromise<Optimizer>,
  options: OptimizerSuiteOptions,
): void {
  const { learningRate = 0.05 } = options;
  options.describe(`optimizer ${name}`, () => {
    for (const { name: what, check } of optimizerCases) options.it(what, async () => check({ make, learningRate }));
  });
}
