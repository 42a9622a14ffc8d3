import { describe, test } from "vitest";
import { expectPass, goldenCases } from "./golden-cases.js";

describe("goldens of the reference that take long, eager executor", async () => {
  test.each(await goldenCases("slow"))("%s", (_, goldenCase) => expectPass(goldenCase), 3_600_000);
});
