// Four threads, each of which loads the library: seconds on a small machine.
import { createRng } from "@noisereel/core";
import { expect, test } from "vitest";
import { createPipeline } from "../../test/pipeline.js";
import { clipSha256, createLoader } from "../index.js";

async function digests(count: number, steps: number): Promise<string[]> {
  const register = new URL("../../test/register-tsx.mjs", import.meta.url).href;
  const loader = createLoader({
    ...(await createPipeline({})),
    batchSize: 4,
    rng: createRng(8),
    workers: {
      count,
      module: new URL("../../test/pipeline.ts", import.meta.url),
      data: {},
      execArgv: ["--import", register, "-C", "@noisereel/source"],
    },
  });
  const found: string[] = [];
  for await (const { step, examples } of loader.batches()) {
    found.push(...examples.flatMap(({ video, stills }) => [video, ...stills].map(clipSha256)));
    if (step === steps - 1) break;
  }
  await loader.close();
  return found;
}

test("four threads give the bits of none", async () => {
  const expected = await digests(0, 8);
  expect(expected.length).toBe(8 * 4 * 3);
  expect(await digests(4, 8)).toEqual(expected);
});
