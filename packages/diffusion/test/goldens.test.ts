import { eagerExecutor } from "@noisereel/core";
import { readGoldenFolder, runGolden } from "@noisereel/testing";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { diffusionRunners } from "./golden-runners.js";

const all = await readGoldenFolder(path.join(import.meta.dirname, "goldens"));
// Weights made by a formula belong to the cases of full width, which take minutes eagerly.
const cases = all.filter(({ entry }) => entry["weight_formula"] === undefined);

describe("goldens of the reference, eager executor", () => {
  test.each(cases.map((goldenCase) => [goldenCase.id, goldenCase] as const))("%s", async (_, goldenCase) => {
    expect(await runGolden(goldenCase, diffusionRunners, eagerExecutor())).toMatchObject({ status: "passed" });
  });
});

test("every case of full width has a runner", () => {
  for (const goldenCase of all) expect(diffusionRunners.some((runner) => runner.matches(goldenCase))).toBe(true);
});
