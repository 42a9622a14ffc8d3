// What every sampler has to do, as tests that any runner can run.
import type { MaybePromise, Sampler, SampleRequest } from "@noisereel/core";
import type { TestRunner } from "./executor.js";
import type { Process } from "./gaussian-latents.js";
import { samplerCases } from "./sampler-cases.js";

export interface SamplerSuiteOptions extends TestRunner {
  /** What networks the sampler understands. Default all three. */
  readonly predicts?: readonly SampleRequest["predicts"][] | undefined;
  /** `flow` for samplers of networks trained with rectified flow. Default `diffusion`. */
  readonly process?: Process | undefined;
  /** Steps of a request with which the sampler must meet the data's mean and deviation. Default 100. */
  readonly steps?: number | undefined;
  /** Largest error of that mean and deviation, which are 0.8 and 0.5. Default 0.06. */
  readonly tolerance?: number | undefined;
}

/**
 * Declares the tests of one sampler: it finds a known distribution, counts its steps, draws from the request's stream alone,
 * splits off a learned variance, owns what it makes, ends on abort and when it is left, and refuses bad step counts.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeSampler("mine", () => mySampler(), { describe, it });
 * ```
 */
export function describeSampler(name: string, make: () => MaybePromise<Sampler>, options: SamplerSuiteOptions): void {
  const { predicts = ["noise", "velocity", "sample"], process = "diffusion", steps = 100, tolerance = 0.06 } = options;
  options.describe(`sampler ${name}`, () => {
    for (const { name: what, check } of samplerCases) {
      options.it(what, async () => check({ sampler: await make(), predicts, process, steps, tolerance }));
    }
  });
}
