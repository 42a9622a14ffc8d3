// Every golden case of the package. See goldens/README.md.
import { eagerExecutor } from "@noisereel/core";
import { featureStatistics, framePsnr, frameSsim, frechetDistance } from "@noisereel/metrics";
import { goldenTools, readGoldenFolder } from "@noisereel/testing";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { metricsRunners } from "./golden-runners.js";

const folder = path.join(import.meta.dirname, "goldens");
// The full-width image network takes too long here: see goldens.slow.test.ts.
const cases = (await readGoldenFolder(folder)).filter(({ id }) => id !== "loss_lpips_full_formula");

interface PipelineGoldens {
  readonly psnr_ssim: {
    readonly cases: readonly {
      readonly C: number;
      readonly H: number;
      readonly W: number;
      readonly psnr: number;
      readonly psnr_identical: number;
      readonly ssim: number;
      readonly ssim_identical: number;
    }[];
  };
  readonly frechet: {
    readonly A: number[][];
    readonly B: number[][];
    readonly distance: number;
    readonly same: number;
  };
}
const pipeline = JSON.parse(await readFile(path.join(folder, "psnr_ssim_frechet.json"), "utf8")) as PipelineGoldens;

describe("goldens", () => {
  test.each(cases.map((goldenCase) => [goldenCase.id, goldenCase] as const))("%s", async (_, goldenCase) => {
    const runner = metricsRunners.find((candidate) => candidate.matches(goldenCase));
    const comparisons = await runner!.run(goldenCase, goldenTools(eagerExecutor()));
    expect(comparisons.length).toBeGreaterThan(0);
    // A ratio is the largest error in units of the manifest's tolerance.
    expect(comparisons.filter(({ ratio }) => !(ratio <= 1))).toEqual([]);
  });

  test.each(pipeline.psnr_ssim.cases)("PSNR and SSIM of $C x $H x $W", (golden) => {
    const size = { height: golden.H, width: golden.W, channels: golden.C };
    const a: number[] = []; // [H, W, C], by the formula in the file
    const b: number[] = [];
    for (let y = 0; y < size.height; y++) {
      for (let x = 0; x < size.width; x++) {
        for (let c = 0; c < size.channels; c++) {
          const value = ((7 * x + 13 * y + 29 * c) % 64) / 63;
          a.push(value);
          b.push(0.9 * value + 0.05 + 0.02 * ((x + 2 * y + c) % 3));
        }
      }
    }
    // Both sides are float64: only the order of additions differs.
    expect(framePsnr(a, b)).toBeCloseTo(golden.psnr, 9);
    expect(frameSsim(a, b, size)).toBeCloseTo(golden.ssim, 9);
    expect(framePsnr(a, a)).toBe(golden.psnr_identical);
    expect(frameSsim(a, a, size)).toBeCloseTo(golden.ssim_identical, 12);
  });

  test("Fréchet distance, with a singular covariance", () => {
    const a = featureStatistics(pipeline.frechet.A);
    const b = featureStatistics(pipeline.frechet.B);
    // The reference's matrix root of a singular product is itself exact to about 1e-7.
    expect(frechetDistance(a.mean, a.covariance, b.mean, b.covariance)).toBeCloseTo(pipeline.frechet.distance, 6);
    expect(frechetDistance(a.mean, a.covariance, a.mean, a.covariance)).toBeCloseTo(pipeline.frechet.same, 6);
  });
});
