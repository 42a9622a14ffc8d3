import { eagerExecutor } from "@noisereel/core";
import { runGoldens } from "@noisereel/testing";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { trainerRunners } from "./golden-runners.js";

test("moving average decays and learning rates equal the reference's", async () => {
  const folder = fileURLToPath(new URL("goldens", import.meta.url));
  const results: string[] = [];
  for await (const { id, status } of runGoldens({ folder, runners: trainerRunners, executor: eagerExecutor() })) {
    results.push(`${id} ${status}`);
  }
  expect(results).toEqual(["ema_and_lr passed"]);
});
