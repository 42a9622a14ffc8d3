// What every denoiser has to do, as tests that any runner can run.
import type { Denoiser, MaybePromise } from "@noisereel/core";
import { denoiserCases } from "./denoiser-cases.js";
import type { TestRunner } from "./executor.js";

export interface DenoiserSuiteOptions extends TestRunner {
  /** Width of the text embeddings that the denoiser reads. */
  readonly textWidth: number;
  /** Latent frames, height and width of a clip that it can denoise. Default `[3, 4, 4]`. */
  readonly clip?: readonly [frames: number, height: number, width: number] | undefined;
  /** Words of a text; default 5. */
  readonly tokens?: number | undefined;
  /** False for a denoiser of videos alone. Default true. */
  readonly stills?: boolean | undefined;
  /** Largest difference between ways of computing the same thing. Default 1e-4: float32 sums in other orders. */
  readonly tolerance?: number | undefined;
}

/**
 * Declares the tests of one denoiser: shapes, ownership, purity, gradients, independence of batch items and of stills, masks,
 * errors and dispose. `make` is called for every test; give weights that are not zero, or the tests see little.
 *
 * ```ts
 * import { describe, it } from "vitest";
 * describeDenoiser("mine", () => myDenoiser(), { describe, it, textWidth: 64 });
 * ```
 */
export function describeDenoiser(
  name: string,
  make: () => MaybePromise<Denoiser>,
  options: DenoiserSuiteOptions,
): void {
  const { textWidth, clip = [3, 4, 4], tokens = 5, stills = true, tolerance = 1e-4 } = options;
  options.describe(`denoiser ${name}`, () => {
    for (const { name: what, check, needsStills = false } of denoiserCases) {
      options.it(what, async (context) => {
        if (needsStills && !stills) context.skip("it denoises videos alone");
        else await check({ make, textWidth, clip, tokens, tolerance });
      });
    }
  });
}
