import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jsonlTracker } from "./jsonl.js";

let folder = "";
beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "jsonl-"))));
afterEach(() => rm(folder, { recursive: true, force: true }));

test("one line a step, and the lines beyond a resumed step are dropped", async () => {
  const file = path.join(folder, "logs", "train.jsonl");
  const first = jsonlTracker(file);
  for (const step of [1, 2, 3, 4]) await first.scalars(step, { loss: step / 2 });
  await appendFile(file, '{"step":5,"lo');
  const second = jsonlTracker(file);
  for (const step of [3, 4]) await second.scalars(step, { loss: step });
  await second.scalars(4, { psnr: NaN });
  expect(await readFile(file, "utf8")).toBe(
    '{"step":1,"loss":0.5}\n{"step":2,"loss":1}\n{"step":3,"loss":3}\n{"step":4,"loss":4}\n{"step":4,"psnr":"NaN"}\n',
  );
});

test("a run that goes back leaves every step once", async () => {
  const file = path.join(folder, "train.jsonl");
  const tracker = jsonlTracker(file);
  for (const step of [1, 2, 3, 2, 3, 4]) await tracker.scalars(step, { loss: step });
  const steps = (await readFile(file, "utf8")).trim().split("\n");
  expect(steps.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2, 3, 4]);
});

test("a scalar named step is refused", async () => {
  await expect(jsonlTracker(path.join(folder, "x")).scalars(1, { step: 2 })).rejects.toThrow('scalar named "step"');
});
