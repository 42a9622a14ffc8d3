// The golden cases of full width, on the eager executor and tfjs's cpu backend.
import { eagerExecutor } from "@noisereel/core";
import { goldenTools, readGoldenFolder } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import path from "node:path";
import { expect, test } from "vitest";
import { metricsRunners } from "./golden-runners.js";

test("loss_lpips_full_formula", async () => {
  await tf.setBackend("cpu");
  const cases = await readGoldenFolder(path.join(import.meta.dirname, "goldens"));
  const goldenCase = cases.find(({ id }) => id === "loss_lpips_full_formula")!;
  const runner = metricsRunners.find((candidate) => candidate.matches(goldenCase));
  const comparisons = await runner!.run(goldenCase, goldenTools(eagerExecutor()));
  expect(comparisons.filter(({ ratio }) => !(ratio <= 1))).toEqual([]);
});
