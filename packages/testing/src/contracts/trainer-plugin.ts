// What every trainer plugin has to do, as tests that any runner can run.
import type { MaybePromise, TrainerPlugin } from "@noisereel/core";
import type { TestRunner } from "./executor.js";
import { trainerPluginCases } from "./trainer-plugin-cases.js";

/**
 * Declares the tests of one plugin: it changes neither weights nor randomness of the run, leaves no tensors behind, and its
 * state, put into a checkpoint and handed back, continues as if nothing had happened.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeTrainerPlugin("mine", () => myPlugin(), { describe, it });
 * ```
 */
export function describeTrainerPlugin(
  name: string,
  make: () => MaybePromise<TrainerPlugin>,
  options: TestRunner,
): void {
  options.describe(`trainer plugin ${name}`, () => {
    for (const { name: what, check } of trainerPluginCases) options.it(what, async () => check(make));
  });
}
