import { eagerExecutor } from "@noisereel/core";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import recipe from "../../test/tiny-recipe.js";
import { latestCheckpoint } from "../index.js";
import {
  comparePageHtml,
  folderStore,
  listRuns,
  readRun,
  runPaths,
  runRecipe,
  type RunRecipeOptions,
} from "../node.js";

let root = "";
beforeEach(async () => (root = await mkdtemp(path.join(tmpdir(), "recipe-"))));
afterEach(() => rm(root, { recursive: true, force: true }));

type Options = Parameters<typeof recipe.stages>[0];

async function run(name: string, options: Partial<RunRecipeOptions<Options>> = {}, stopAt = Infinity) {
  const controller = new AbortController();
  const steps = runRecipe({
    recipe,
    folder: path.join(root, name),
    executor: eagerExecutor(),
    signal: controller.signal,
    ...options,
  });
  const seen: string[] = [];
  for (;;) {
    const next = await steps.next();
    if (next.done === true) return { seen, summary: next.value };
    seen.push(`${next.value.stage} ${next.value.step}`);
    if (seen.length === stopAt) controller.abort();
  }
}

async function weights(name: string, stage: string): Promise<string> {
  const found = await latestCheckpoint(folderStore(runPaths.checkpoints(path.join(root, name), stage)));
  return [...found!.checkpoint.tensors]
    .filter(([key]) => key.startsWith("weights/"))
    .map(([key, { bytes }]) => key + Buffer.from(bytes).toString("hex"))
    .join();
}

test("a run leaves checkpoints, logs, clips, models and a page, and goes on where it stopped", async () => {
  const whole = await run("whole");
  expect(whole.seen).toEqual(["short", "long"].flatMap((stage) => [1, 2, 3, 4].map((step) => `${stage} ${step}`)));
  const first = await run("parts", {}, 6);
  expect(first.summary.finished).toBe(false);
  expect((await readRun(path.join(root, "parts"))).info.status).toBe("stopped");
  const second = await run("parts");
  expect(second.seen).toEqual(["long 3", "long 4"]);
  expect(second.summary).toMatchObject({ finished: true, skipped: ["short"] });
  expect(await weights("parts", "long")).toBe(await weights("whole", "long"));
  expect((await run("parts")).summary.skipped).toEqual(["short", "long"]);

  const record = await readRun(path.join(root, "parts"));
  expect(record.info).toMatchObject({
    status: "finished",
    recipe: "tiny",
    about: { long: { facts: { points: 8 }, totalSteps: 4 } },
  });
  expect(record.stages.map(({ name, step }) => `${name} ${step}`)).toEqual(["short 4", "long 4"]);
  expect(record.stages[1]!.curves["loss.fit"]!.steps).toEqual([1, 2, 3, 4]);
  expect(record.stages[1]!.curves["heldOut.fit"]!.steps).toEqual([0, 2, 4]);
  expect(record.stages[0]!.clips.map(({ step, key }) => `${step} ${key}`)).toEqual([
    "0 sample-0-raw",
    "4 sample-0-raw",
  ]);
  expect(await listRuns(root)).toEqual([path.join(root, "parts"), path.join(root, "whole")]);
});

test("a finished stage whose model is missing is finished again, without training", async () => {
  await run("whole");
  const model = path.join(root, "whole", "models", "short");
  await rm(model, { recursive: true });
  const again = await run("whole");
  expect(again.seen).toEqual([]);
  expect(await readdir(model)).toEqual(["done.txt"]);
});

test("the page needs nothing from anywhere", async () => {
  await run("whole", { settings: { stages: { short: { steps: 12 } } } });
  const html = await readFile(runPaths.page(path.join(root, "whole")), "utf8");
  expect(html.match(/<svg /g)!.length).toBeGreaterThan(6);
  expect(html.match(/<img alt="" src="data:image\/png;base64,/g)).toHaveLength(4 + 2);
  expect(html).toContain("is &lt;not&gt; there");
  expect(html).toContain("<h2>Short and &lt;long&gt;</h2>");
  expect(html).toMatch(/heldOut\.fit: short ends at [\d.]+, long at [\d.]+/);
  expect(html).toContain("heldOut.fit, by percent of the budget");
  expect(html).not.toMatch(/(src|href)="(?!data:)/);
  expect(html).not.toMatch(/https?:|http-equiv|<script|NaN/);
  const compared = comparePageHtml([await readRun(path.join(root, "whole")), await readRun(path.join(root, "whole"))]);
  expect(compared.match(/<svg /g)!.length).toBeGreaterThan(4);
});

test("one stage can be run alone, from another run's checkpoints", async () => {
  await run("a");
  const start = path.join(root, "a", "checkpoints", "short");
  expect((await run("b", { stage: "long", from: start })).seen).toEqual([1, 2, 3, 4].map((step) => `long ${step}`));
  expect(await weights("b", "long")).toBe(await weights("a", "long"));
  await run("c", { stage: "long", from: path.join(start, "step-000002") });
  expect(await weights("c", "long")).not.toBe(await weights("a", "long"));
  await expect(run("d", { stage: "long" })).rejects.toThrow('"short", which has no finished checkpoint');
  await expect(run("e", { stage: "longer" })).rejects.toThrow('no stage "longer"; the stages are short, long');
  await expect(run("f", { stage: "long", from: "nowhere" })).rejects.toThrow("neither a stage (short, long) nor");
});

test("other options, other folders and broken runs are said in a sentence", async () => {
  await run("a");
  const other = { settings: { stages: { short: { steps: 9 } } } };
  await expect(run("a", other)).rejects.toThrow("(stages.short.steps is 4 there and 9 here)");
  expect((await run("a", { ...other, fresh: true })).seen).toHaveLength(13);
  await expect(run(".")).rejects.toThrow("is not empty and holds no run");
  await expect(readRun(root)).rejects.toThrow("holds no run");
  await expect(run("b", { settings: { brokenFrom: 2 } })).rejects.toThrow("after 2 rollbacks");
  const { info } = await readRun(path.join(root, "b"));
  expect(info.status).toBe("failed");
  expect(info.message).toMatch(/^step 4 and the 1 before it were not finite/);
});

test("an estimate of a stage opens and closes it and writes nothing", async () => {
  const context = { folder: path.join(root, "x"), executor: eagerExecutor(), note: () => undefined };
  const parsed = recipe.options.safeParse({});
  if (!parsed.success) throw new Error("the defaults must be valid");
  const estimate = await recipe.stages(parsed.data, context)[1]!.estimate({ steps: 1 });
  expect(estimate).toMatchObject({ parameters: 33, facts: { points: 8 }, dropped: [{ id: "point-9" }] });
  expect(await readdir(root)).toEqual([]);
});
