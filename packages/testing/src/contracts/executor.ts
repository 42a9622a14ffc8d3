// What every executor has to do, as tests that any runner can run.
import type { Executor, MaybePromise } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { executorCases, type ExecutorCase } from "./executor-cases.js";

/** What the suite needs of a test runner; vitest and node:test both fit. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: (context: { skip(reason?: string): void }) => Promise<void>) => void;
}

export interface ExecutorSuiteOptions extends TestRunner {
  /** tfjs backend that is active while the executor runs. Default "cpu". It has to be registered when the tests run. */
  readonly backend?: string | undefined;
  /** Why this executor cannot be tested here: every test is skipped with this reason. */
  readonly skip?: string | undefined;
  /** Largest error relative to the largest value of a tensor. Default 2e-5: float32 with another order of sums. */
  readonly tolerance?: number | undefined;
}

/**
 * Declares the tests of one executor: forward passes, gradients, state, ownership, errors, abort and dispose.
 * Expected numbers are those of the same functions run eagerly on tfjs's cpu backend.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeExecutor("mine", () => myExecutor(), { describe, it });
 * ```
 */
export function describeExecutor(
  name: string,
  make: () => MaybePromise<Executor>,
  options: ExecutorSuiteOptions,
): void {
  const { backend = "cpu", skip, tolerance = 2e-5 } = options;
  options.describe(`executor ${name}`, () => {
    for (const { name: what, check } of executorCases) {
      options.it(what, async (context) => {
        if (skip === undefined) await runCase(check, { make, backend, tolerance });
        else context.skip(skip);
      });
    }
  });
}

/** Runs one case on its backend and leaves tfjs as it was. */
async function runCase(
  check: ExecutorCase["check"],
  { make, backend, tolerance }: { make: () => MaybePromise<Executor>; backend: string; tolerance: number },
): Promise<void> {
  await tf.ready();
  const before = tf.getBackend();
  const variables = new Set(Object.keys(tf.engine().registeredVariables));
  try {
    if (!(await tf.setBackend(backend))) throw new Error(`the tfjs backend "${backend}" does not start`);
    await check({ executor: await make(), tolerance, backend });
  } finally {
    for (const [name, variable] of Object.entries(tf.engine().registeredVariables)) {
      if (!variables.has(name)) variable.dispose();
    }
    await tf.setBackend(before);
  }
}
