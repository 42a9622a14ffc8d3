import { describe, test } from "vitest";
import { expectPass, goldenCases } from "./golden-cases.js";

describe("goldens of the reference, eager executor", async () => {
  test.each(await goldenCases("fast"))("%s", (_, goldenCase) => expectPass(goldenCase));
});
