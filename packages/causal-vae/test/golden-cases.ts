// The golden cases, split by how long they take on the eager cpu backend.
import { eagerExecutor } from "@noisereel/core";
import { type GoldenCase, readGoldenFolder, runGolden } from "@noisereel/testing";
import path from "node:path";
import { expect } from "vitest";
import { causalVaeRunners } from "./golden-runners.js";

/** More than about 10 seconds each. */
const slow = /^(tiny_a_t9|tiny_a_t17|tiny_b_t5|tiled|inflate|loss_lpips_full)/;
/** Minutes each. They run compiled, in tools/goldens.slow.test.ts; eagerly by `npm run goldens -- … --executor eager`. */
const compiledOnly = /^grad_/;

export async function goldenCases(speed: "fast" | "slow"): Promise<readonly (readonly [string, GoldenCase])[]> {
  const cases = await readGoldenFolder(path.join(import.meta.dirname, "goldens"));
  const chosen = cases.filter(({ id }) => !compiledOnly.test(id) && slow.test(id) === (speed === "slow"));
  return chosen.map((found) => [found.id, found] as const);
}

export async function expectPass(goldenCase: GoldenCase): Promise<void> {
  const result = await runGolden(goldenCase, causalVaeRunners, eagerExecutor());
  expect(result).toMatchObject({ status: "passed" });
}
