import { onnxExecutor } from "@noisereel/compile";
import { readGoldenFolder, runGolden } from "@noisereel/testing";
import * as tf from "@tensorflow/tfjs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { goldenRunners } from "./golden-runners.js";

const root = path.resolve(import.meta.dirname, "..");
const folders = ["causal-vae", "diffusion", "text-encoder", "metrics", "trainer"];

beforeAll(() => tf.setBackend("cpu"));

// The packages run their goldens eagerly; the same cases, gradients included, have to come out of compiled graphs.
describe.each(folders)("goldens of %s, compiled", async (name) => {
  const cases = await readGoldenFolder(path.join(root, "packages", name, "test", "goldens"));
  test.each(cases.map((goldenCase) => [goldenCase.id, goldenCase] as const))("%s", async (_, goldenCase) => {
    expect(await runGolden(goldenCase, goldenRunners, onnxExecutor())).toMatchObject({ status: "passed" });
  });
});
