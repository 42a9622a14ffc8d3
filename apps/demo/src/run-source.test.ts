import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fakeRun } from "../test/fake-run.js";
import { runSource } from "./run-source.js";

let runsFolder = "";
beforeEach(async () => {
  runsFolder = await mkdtemp(path.join(os.tmpdir(), "runs-"));
});
afterEach(() => rm(runsFolder, { recursive: true }));

async function makeRun(name: string, time: number): Promise<void> {
  const folder = path.join(runsFolder, name);
  await mkdir(path.join(folder, "models", "denoiser"), { recursive: true });
  await writeFile(path.join(folder, "models", "denoiser", "config.json"), '{"patch_size": 2}');
  await writeFile(path.join(folder, "report.json"), "{}");
  await utimes(path.join(folder, "report.json"), time, time);
}

it("looks again until there is a run, then opens the latest once", async () => {
  const opened: string[] = [];
  const openRun = async (folder: string) => {
    opened.push(path.basename(folder));
    return fakeRun();
  };
  const source = runSource({ openRun, runsFolder });
  expect(await source.describe()).toEqual({
    ready: false,
    problem: `There is no trained run in ${runsFolder} yet; npm run quickstart makes one.`,
  });
  await mkdir(path.join(runsFolder, "unfinished"));
  await makeRun("old", 1000);
  await makeRun("new", 2000);
  const studio = await source.describe();
  expect(studio).toMatchObject({
    ready: true,
    run: path.join(runsFolder, "new"),
    fps: 8,
    limits: { sizes: [16, 32, 48, 64, 80, 96, 112, 128] },
  });
  await source.open();
  expect(opened).toEqual(["new"]);
});

it("passes on why a run cannot be opened", async () => {
  await makeRun("broken", 1000);
  const openRun = async () => {
    throw new Error("the weights are damaged");
  };
  expect(await runSource({ openRun, runsFolder }).describe()).toEqual({
    ready: false,
    problem: "the weights are damaged",
  });
});
