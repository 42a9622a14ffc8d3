import { eagerExecutor } from "@noisereel/core";
import { runGolden, readGoldenFolder } from "@noisereel/testing";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { causalVaeRunners } from "./golden-runners.js";

const folder = process.env["GF"] ?? path.join(import.meta.dirname, "goldens");
const cases = await readGoldenFolder(folder);

describe("goldens of the reference, eager executor", () => {
  test.each(cases.map((goldenCase) => [goldenCase.id, goldenCase] as const))("%s", async (_, goldenCase) => {
    const result = await runGolden(goldenCase, causalVaeRunners, eagerExecutor());
    console.log(JSON.stringify(result));
    expect(result).toMatchObject({ status: "passed" });
  });
});
