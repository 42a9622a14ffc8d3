// What every text encoder has to do, as tests that any runner can run.
import type { MaybePromise, TextEncoder } from "@noisereel/core";
import type { TestRunner } from "./executor.js";
import { textEncoderCases } from "./text-encoder-cases.js";

export interface TextEncoderSuiteOptions extends TestRunner {
  /** Two prompts that the encoder can tell apart. Default two English ones. */
  readonly prompts?: readonly [string, string] | undefined;
  /** Largest difference between ways of encoding the same prompt. Default 1e-4: float32 sums in other orders. */
  readonly tolerance?: number | undefined;
}

/**
 * Declares the tests of one text encoder: shapes and masks, the empty prompt, independence of the batch, prompts that are too
 * long, ownership, abort, errors and dispose. `make` is called for every test.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeTextEncoder("mine", () => myTextEncoder(), { describe, it });
 * ```
 */
export function describeTextEncoder(
  name: string,
  make: () => MaybePromise<TextEncoder>,
  options: TextEncoderSuiteOptions,
): void {
  const { prompts = ["waves at dusk", "a red kite"], tolerance = 1e-4 } = options;
  options.describe(`text encoder ${name}`, () => {
    for (const { name: what, check } of textEncoderCases) {
      options.it(what, async () => {
        const encoder = await make();
        try {
          await check({ encoder, make, prompts, tolerance });
        } finally {
          encoder.dispose();
        }
      });
    }
  });
}
