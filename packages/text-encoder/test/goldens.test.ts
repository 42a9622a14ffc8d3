// Every golden case of the package, on the eager executor and tfjs's cpu backend. See goldens/README.md.
import { eagerExecutor } from "@noisereel/core";
import { goldenTools, readGoldenFolder } from "@noisereel/testing";
import { cleanCaption, cleanCaptionTwice } from "@noisereel/text-encoder";
import * as tf from "@tensorflow/tfjs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { textEncoderRunners } from "./golden-runners.js";

const folder = path.join(import.meta.dirname, "goldens");
const cases = await readGoldenFolder(folder);

beforeAll(() => tf.setBackend("cpu"));

describe("goldens", () => {
  test.each(cases.map((goldenCase) => [goldenCase.id, goldenCase] as const))("%s", async (_, goldenCase) => {
    const runner = textEncoderRunners.find((candidate) => candidate.matches(goldenCase));
    const comparisons = await runner!.run(goldenCase, goldenTools(eagerExecutor()));
    expect(comparisons.length).toBeGreaterThan(0);
    // A ratio is the largest error in units of the manifest's tolerance.
    expect(comparisons.filter(({ ratio }) => !(ratio <= 1))).toEqual([]);
  });
});

test("captions of the data pipeline", async () => {
  const file = JSON.parse(await readFile(path.join(folder, "clean_caption.json"), "utf8")) as {
    readonly clean_caption: readonly { readonly inp: string; readonly once: string; readonly twice: string }[];
  };
  const actual = file.clean_caption.map(({ inp }) => ({ inp, once: cleanCaption(inp), twice: cleanCaptionTwice(inp) }));
  expect(actual).toEqual(file.clean_caption);
});
